"""Certificates and security events (OCPP 2.0.1 blocks A and M)."""

from worker.dialects.kept import kept

security_event = kept("security", "type")
sign_certificate = kept("sign_certificate", "certificateType", {"status": "Rejected"})
certificate_status = kept("certificate_status", "", {"status": "Failed"})
ev_certificate = kept("ev_certificate", "action", {"status": "Failed", "exiResponse": ""})
