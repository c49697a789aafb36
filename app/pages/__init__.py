"""The desk's page: server-rendered, own style and script, nothing fetched from outside."""
