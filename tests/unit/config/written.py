"""The beginning of configuration files, as people write them."""

from tests.unit.config.egresses import FINGERPRINT

#: Of workflows that need both systems, and, behind it, of those that need files.
CONNECTIONS = """\
connections:
  dynamics: {url: https://c.crm.dynamics.com, tenant: a.b, client_id: x, client_secret: "${env:A}"}
  campaign: {url: https://mc.adobe.io/c, client_id: x, client_secret: "${env:A}"}
"""
SFTP = f"""\
  sftp: {{host: sftp.example.com, user: u, private_key: "${{env:K}}", host_key: "{FINGERPRINT}"}}
"""
