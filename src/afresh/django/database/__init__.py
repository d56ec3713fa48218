"""What Django's connections read and write: statements, transactions, the rows that come back."""
