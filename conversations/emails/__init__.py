"""What an email looks like: five designs, whose they are, and the words that go into them."""
