import configparser
import email.message
import email.parser
import email.policy
import json
import sys

import shop

message = email.message.EmailMessage(policy=email.policy.SMTP)
message["Subject"] = "größe"
message["To"] = 'a@example.org, "B" <b@example.org>'
message.set_content("one\ntwo\n")
message.add_attachment(b"x" * 100, maintype="image", subtype="png", filename="x.png")
again = email.parser.BytesParser(policy=email.policy.default).parsebytes(message.as_bytes())
for part in again.walk():
    part.get_content_type()
json.dumps({"a": [1, 2.5, None, "ü"]}, indent=2)
json.loads('[1, {"a": "b\\u00fc"}]')
parser = configparser.ConfigParser()
parser.read_string("[a]\nb = 1\n")
getattr(shop, sys.argv[1])()
