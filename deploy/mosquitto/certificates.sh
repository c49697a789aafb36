#!/bin/sh
# An authority of your own and certificates for the broker and its clients; needs openssl.
#   certificates.sh FOLDER                  ca.pem, server.pem and server.key, unless they are there
#   certificates.sh FOLDER NAME             NAME.pem and NAME.key for the client NAME
# MQTT_HOST: the name or address that devices call the broker by (default: localhost).
set -eu
umask 077
cd "$1"
host=${MQTT_HOST:-localhost}

ours="subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid"

request() { # NAME, COMMON NAME, EXTENSIONS
    openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
    printf '%s\n' "$3" >"$1.ext"
}

sign() { # NAME, FURTHER OPTIONS
    made=$1
    shift
    openssl x509 -req -in "$made.csr" -extfile "$made.ext" -out "$made.pem" "$@" 2>/dev/null
    rm "$made.csr" "$made.ext"
}

if [ ! -e ca.pem ]; then
    request ca "citypatrol broker authority" "subjectKeyIdentifier=hash
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign"
    sign ca -signkey ca.key -days 3650
fi
if [ $# -gt 1 ]; then
    request "$2" "$2" "$ours
extendedKeyUsage=clientAuth"
    sign "$2" -CA ca.pem -CAkey ca.key -CAcreateserial -days 825
elif [ ! -e server.pem ]; then
    case $host in
        *[!0-9.]*) name="DNS:$host" ;;
        *) name="IP:$host" ;;
    esac
    request server "$host" "$ours
extendedKeyUsage=serverAuth
subjectAltName=$name,DNS:localhost,DNS:mosquitto,IP:127.0.0.1"
    sign server -CA ca.pem -CAkey ca.key -CAcreateserial -days 825
fi
chmod 644 ./*.pem
