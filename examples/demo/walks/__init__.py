"""The flows that the demo plays, one file for each: a payment, a television, a phone, consents to accounts."""
