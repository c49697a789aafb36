"""`citypatrol dead`."""

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    del parser


def execute(args: argparse.Namespace) -> int:
    del args
    return 0
