"""The bodies that 8x8 POSTs to a callback URL, transcribed from its pages on webhooks, with their ids and numbers."""

from __future__ import annotations

from typing import Any

UMID = "9e09ac86-bd74-5465-851d-1eb5a5fdbb9a"

SMS_RECEIPT: dict[str, Any] = {
    "namespace": "SMS",
    "eventType": "outbound_message_status_changed",
    "description": "SMS outbound message delivery receipt",
    "payload": {
        "umid": UMID,
        "batchId": "3e09ac86-bd74-5465-851d-1eb5a5fdbb9b",
        "clientMessageId": "1e09ac86-bd74-5465-851d-1eb5a5fdbb9b",
        "clientBatchId": "2e09ac86-bd74-5465-851d-1eb5a5fdbb9b",
        "subAccountId": "SubAccount-1",
        "source": "8x8",
        "destination": "+12025550293",
        "status": {
            "state": "undelivered",
            "detail": "rejected_by_operator",
            "timestamp": "2016-01-01T00:00:00Z",
            "errorCode": 15,
            "errorMessage": "Invalid destination",
        },
        "price": {"total": 0.0375, "perSms": 0.0125, "currency": "USD"},
        "smsCount": 3,
    },
}

CHATAPPS_RECEIPT: dict[str, Any] = {
    "version": 9,
    "namespace": "ChatApps",
    "eventType": "outbound_message_status_changed",
    "description": "ChatApps outbound message delivery receipt",
    "payload": {
        "umid": "9f1c2e7a-6b40-4de1-8a2c-1f0d9e7c5b31",
        "subAccountId": "SubAccount-1",
        "channel": "whatsapp",
        "user": {"msisdn": "+6512345678", "channelUserId": "6512345678"},
        "status": {"state": "read", "timestamp": "2025-05-17T06:27:52.45Z"},
    },
}

SMS_INBOUND: dict[str, Any] = {
    "namespace": "SMS",
    "eventType": "inbound_message_received",
    "description": "SMS inbound message",
    "payload": {
        "umid": UMID,
        "subAccountId": "SubAccount-1",
        "timestamp": "2016-01-01T14:34:56.017Z",
        "source": "+6581968289",
        "destination": "+4534735477",
        "body": "Test MO message",
        "encoding": "GSM7",
        "smsCount": 2,
        "price": {"total": 0.0446592, "perSms": 0.0446592, "currency": "EUR"},
    },
}

CHATAPPS_INBOUND: dict[str, Any] = {
    "namespace": "ChatApps",
    "eventType": "inbound_message_received",
    "description": "ChatApps inbound message",
    "payload": {
        "umid": UMID,
        "subAccountId": "SubAccount-1",
        "timestamp": "2016-01-01T14:34:56.017Z",
        "user": {"msisdn": "+12025550023", "channelUserId": "12025550023", "name": "Ann Example"},
        "recipient": {"channel": "whatsapp", "channelId": "269a57f4-3522-eb11-8278-00155d9f27ac"},
        "type": "Text",
        "content": {"text": "Test message"},
        "replyToUmid": "777a57f4-bd74-eb11-851d-00155d9fe255",
    },
}

# An account-management event (webhook type CABM). It has another envelope and no namespace.
TEMPLATE_UPDATE: dict[str, Any] = {
    "eventId": "0f88f5c4-fae7-4dcf-8ff2-b2990133edea",
    "timestamp": "2025-01-01T00:00:00.00Z",
    "provider": "WhatsApp",
    "eventType": "template_status_update",
    "eventDetails": {"templateId": "1", "meta": {"status": "REJECTED", "reason": "INCORRECT_CATEGORY"}},
}

KNOWN = (SMS_RECEIPT, CHATAPPS_RECEIPT, SMS_INBOUND, CHATAPPS_INBOUND)
