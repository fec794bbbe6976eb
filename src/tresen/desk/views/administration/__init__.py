"""What administrators set up: channels, queues, staff, teams, tokens, company."""
