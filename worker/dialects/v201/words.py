"""The words of OCPP 2.0.1 and what they mean to the business."""

from app.domain.vocabulary import Registration

REGISTRATIONS: dict[Registration, str] = {
    Registration.ACCEPTED: "Accepted",
    Registration.PENDING: "Pending",
    Registration.REJECTED: "Rejected",
}
