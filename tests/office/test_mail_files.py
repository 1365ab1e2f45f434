"""Without a mail server, mails become files: whole, named harmlessly, one for each sending."""

from dataclasses import replace
from email import message_from_bytes, policy

from flask import current_app

from app.domain.ground.vocabulary import ReceiptState
from app.mails import mail, post_office
from app.process.clock import utc_now
from tests.support.mail import send_receipt


def test_a_receipt_becomes_a_file_that_any_mail_program_reads(app, make_receipt, look):
    number = make_receipt()
    send_receipt(number)
    send_receipt(number)
    (path,) = mail.mail_folder(current_app.config["SETTINGS"]).iterdir()
    assert path.suffix == ".eml"
    read = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert read["Message-ID"] == f"<{look(number).message_id}>"
    assert "Ada Lovelace" in read.get_body(("plain",)).get_content()
    assert look(number).state is ReceiptState.SENT
    assert look(number).deliveries[-1].detail == f"written to {path.name}"


def test_a_folder_that_cannot_be_written_postpones_the_mail(app, make_receipt, look):
    number = make_receipt()
    mail.mail_folder(current_app.config["SETTINGS"]).write_text("in the way")
    send_receipt(number)
    assert look(number).state is ReceiptState.QUEUED
    assert look(number).attempts == 1


def test_a_wrong_sender_in_the_settings_postpones_the_mail(app, make_receipt, look):
    number = make_receipt()
    wrong = replace(current_app.config["SETTINGS"], mail_from="Ampdesk")
    post_office.send(wrong, post_office.RECEIPTS, [number], utc_now)
    assert look(number).state is ReceiptState.QUEUED
    assert "AMPDESK_MAIL_FROM" in look(number).error
