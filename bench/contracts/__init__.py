"""What every form of a contract must keep, as functions that tests of each form run."""
