"""What visitors of a web site see: the chat widget and the contact form."""
