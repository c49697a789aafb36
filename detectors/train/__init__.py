"""How the shipped models were made. Needs the extra ``train`` (torch); the product does not."""
