"""The provider sandbox: Twilio Messages, SendGrid mail and ServiceTitan in one process.

Run it with `python -m sandbox --help`. It shares no code with the product: the two meet over HTTP
only, so that what the product is tested against is not made of the product's own assumptions.
"""
