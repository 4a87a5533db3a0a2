"""The keeper: from a report to a transaction, journalled before it is sent."""
