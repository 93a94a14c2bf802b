"""Keys, clocks and envelopes of SNMPv3."""

from __future__ import annotations

import pytest

from dcmon.collectors.snmp.ber import DecodeError, encode_integer, encode_names, encode_tlv, parse_oid
from dcmon.collectors.snmp.message import GET
from dcmon.collectors.snmp.usm import AUTH, PRIV, EngineClock, LocalKeys, V3User, _localize, _master_key
from dcmon.collectors.snmp.v3message import decode_scoped, decode_v3, encode_scoped, encode_v3

ENGINE = bytes(11) + b"\x02"
USER = V3User("u", "sha256", "authauth1", "aes128", "privpriv1")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("md5", "526f5eed9fcce26f8964c2930787d82b"),
        ("sha1", "6695febc9288e36282235fc7151f128497b38f3f"),
    ],
)
def test_keys_are_those_of_rfc_3414_appendix_a_3(name: str, key: str) -> None:
    assert _localize(_master_key(b"maplesyrup", name), ENGINE, name).hex() == key


@pytest.mark.parametrize("auth", ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("priv", ["aes128", "aes192", "aes256", "aes192c", "aes256c"])
def test_keys_are_those_that_pysnmp_derives(auth: str, priv: str) -> None:
    from pysnmp.entity import config
    from pysnmp.proto.rfc1902 import OctetString

    auths = {
        "md5": config.USM_AUTH_HMAC96_MD5,
        "sha1": config.USM_AUTH_HMAC96_SHA,
        "sha224": config.USM_AUTH_HMAC128_SHA224,
        "sha256": config.USM_AUTH_HMAC192_SHA256,
        "sha384": config.USM_AUTH_HMAC256_SHA384,
        "sha512": config.USM_AUTH_HMAC384_SHA512,
    }
    privs = {
        "aes128": config.USM_PRIV_CFB128_AES,
        "aes192": config.USM_PRIV_CFB192_AES_BLUMENTHAL,
        "aes256": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
        "aes192c": config.USM_PRIV_CFB192_AES,
        "aes256c": config.USM_PRIV_CFB256_AES,
    }
    service = config.PRIV_SERVICES[privs[priv]]
    master = service.hash_passphrase(auths[auth], OctetString("privpriv1"))
    expected = service.localize_key(auths[auth], master, OctetString(ENGINE))
    keys = LocalKeys(V3User("u", auth, "authauth1", priv, "privpriv1"), ENGINE)
    assert keys._cipher_key == bytes(expected)


def test_no_key_is_shown() -> None:
    assert "authauth1" not in repr(USER) + str(USER)
    assert "privpriv1" not in repr(USER) + str(USER)
    assert "authauth1" not in repr(LocalKeys(USER, ENGINE))


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("u", "sha3", "authauth1"), "auth 'sha3'"),
        (("u", "sha1", "authauth1", "des", "privpriv1"), "priv 'des'"),
        (("u", "none", "", "aes128", "privpriv1"), "privacy without authentication"),
        (("u", "sha1", "short"), "shorter than"),
        (("u", "sha1", "authauth1", "aes128", "short"), "shorter than"),
    ],
)
def test_a_user_that_cannot_work_is_refused_without_telling_its_keys(arguments: tuple[str, ...], what: str) -> None:
    with pytest.raises(ValueError, match=what) as caught:
        V3User(*arguments)
    assert "privpriv1" not in str(caught.value)
    assert "'short'" not in str(caught.value)


def sealed(flags: int = AUTH | PRIV) -> bytes:
    pdu = encode_tlv(GET, encode_integer(7) + encode_integer(0) * 2 + encode_names([parse_oid("1.3.6.1")]))
    keys = LocalKeys(USER, ENGINE)
    return encode_v3(2**30, flags, ENGINE, 3, 400, keys, encode_scoped(ENGINE, b"ctx", pdu))


def test_a_sealed_message_opens_with_the_same_keys() -> None:
    data = sealed()
    message = decode_v3(data)
    keys = LocalKeys(USER, ENGINE)
    assert (message.msg_id, message.flags, message.boots, message.time) == (2**30, AUTH | PRIV, 3, 400)
    assert keys.verify(data, message.mac_offset, message.mac)
    scoped = decode_scoped(keys.decrypt(message.boots, message.time, message.salt, message.payload))
    assert (scoped.context, scoped.pdu, scoped.request_id) == (b"ctx", GET, 7)
    assert b"\x2b\x06\x01" not in message.payload


def test_one_changed_octet_anywhere_breaks_the_digest() -> None:
    data = sealed()
    keys = LocalKeys(USER, ENGINE)
    for position in range(len(data)):
        forged = bytearray(data)
        forged[position] ^= 0x01
        try:
            message = decode_v3(bytes(forged))
        except DecodeError:
            continue
        assert not keys.verify(bytes(forged), message.mac_offset, message.mac), position


def test_a_digest_that_is_missing_or_short_is_none() -> None:
    keys = LocalKeys(USER, ENGINE)
    data = sealed()
    message = decode_v3(data)
    assert not keys.verify(data, message.mac_offset, b"")
    assert not keys.verify(data, message.mac_offset, message.mac[:12])
    assert not LocalKeys(V3User("u"), ENGINE).verify(data, message.mac_offset, b"")


def test_no_two_messages_are_encrypted_alike() -> None:
    assert decode_v3(sealed()).salt != decode_v3(sealed()).salt


@pytest.mark.parametrize("cut", [1, 5, 20, 40, 60, 80, 100])
def test_a_truncated_message_is_a_decode_error(cut: int) -> None:
    with pytest.raises(DecodeError):
        decode_v3(sealed()[:cut])


def test_privacy_without_authentication_is_a_decode_error() -> None:
    data = sealed()
    with pytest.raises(DecodeError, match="privacy"):
        decode_v3(data.replace(b"\x04\x01\x03", b"\x04\x01\x02", 1))


def test_a_clock_follows_what_is_newer_and_refuses_what_is_stale() -> None:
    clock = EngineClock(boots=4, time=99_999, heard=0.0)
    assert clock.accept(5, 1000, now=0.0)
    assert clock.time_at(60.0) == 1060
    assert clock.accept(5, 1060 - 150, now=60.0), "at the edge of the window"
    assert not clock.accept(5, 1060 - 151, now=60.0), "stale"
    assert not clock.accept(4, 5000, now=60.0), "an earlier life"
    assert clock.accept(5, 2000, now=60.0), "ahead of what was thought"
    assert clock.time_at(60.0) == 2000
    assert clock.accept(6, 0, now=61.0), "rebooted"
    assert not clock.accept(5, 2001, now=61.0)
    assert not clock.accept(0x7FFFFFFF, 0, now=61.0), "booted too often ever to be timely"
