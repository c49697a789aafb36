"""The ground every stage stands on: samples, time, configuration text, the journal."""
