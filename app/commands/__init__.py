"""One module a command, each with ``configure(parser)`` and ``execute(args) -> exit status``."""

BUILT = {
    "init": "write a small, valid, commented city into a new folder",
    "demo": "watch a whole simulated city, nothing else installed",
    "run": "run every stage in one process on SQLite",
    "worker": "run the rules on Kafka (cluster layout)",
    "serve": "run inputs, tickets, sinks and the API on Kafka (cluster layout)",
    "check": "read every file, connect to nothing, print all errors at once",
    "test": "play rule tests: expected alarms, incidents and tickets",
    "backtest": "what these rules would have filed, from the Parquet history",
    "schema": "JSON Schema of a kind of file, for editors",
    "diff": "tickets gained, lost and moved between two versions of the rules",
    "explain": "why a rule fired on a source, or why it has not yet",
    "promote": "let a rule on trial send units: takes `shadow: true` out of its file",
    "rules": "rules that are held back because they began with too many tickets",
    "detect": "run a detector on pictures or clips",
    "camera": "look at one camera: what it sends, and a picture",
    "mode": "the profile in which the rules judge, and who switched it",
    "tickets": "the ticket desk from a terminal",
    "sources": "who is heard, since when not, what it said, which rules watch it",
    "tail": "what comes in, live, and what the city makes of it",
    "dead": "what was set aside, with the reason, and how to send it again",
    "history": "the Parquet history: what it holds, whether it is whole",
    "influx": "make the bucket or database, mapping and tokens that the sinks need",
    "doctor": "connect to each named service once and say what is wrong",
}

NOT_BUILT = {
    "edge": "run cameras in the city process (`cameras:` in city.yaml) until it is",
    "webhook": "`citypatrol dead replay` sends a delivery again",
}
