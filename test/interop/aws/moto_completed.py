"""
moto with what it leaves out, after the API references and the user guide.

IssueCertificate of AWS Private CA: templates for CAs by path length and for end entities, API passthrough, validity, signing
algorithm, idempotency tokens; and certificates that take a moment. moto's own handler still makes roots and keeps what was issued.

Sign of AWS KMS: MessageType DIGEST, where moto hashes the digest once more, and a PSS salt as long as the digest.

    python moto_completed.py -H 127.0.0.1 -p 5000
"""

import base64
import datetime
import ipaddress
import json
import re
import sys
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from moto.acmpca.exceptions import RequestInProgressException
from moto.acmpca.responses import ACMPCAResponse
from moto.core.exceptions import JsonRESTError
from moto.kms.responses import KmsResponse
from moto.moto_api._internal import mock_random
from moto.server import main

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
LEAF = re.compile(r"(Blank)?EndEntity(ServerAuth|ClientAuth)?Certificate(_APIPassthrough)?")
CA = re.compile(r"(Blank)?SubordinateCACertificate_PathLen([0-3])(_APIPassthrough)?")
HASHES = {"SHA256": hashes.SHA256, "SHA384": hashes.SHA384, "SHA512": hashes.SHA512}

issue_by_moto = ACMPCAResponse.issue_certificate
get_by_moto = ACMPCAResponse.get_certificate
sign_by_moto = KmsResponse.sign
tokens = {}
unread = set()


def invalid(text):
    return JsonRESTError("InvalidArgsException", text)


def instant(validity):
    if validity["Type"] != "ABSOLUTE":
        raise invalid("only ABSOLUTE is known here")
    return datetime.datetime.fromtimestamp(validity["Value"], datetime.timezone.utc)


def subject_of(given):
    return x509.Name(
        x509.NameAttribute(x509.ObjectIdentifier(one["ObjectIdentifier"]), one["Value"])
        for one in given["CustomAttributes"]
    )


def name_of(given):
    ((form, value),) = given.items()
    return {
        "DnsName": x509.DNSName,
        "Rfc822Name": x509.RFC822Name,
        "UniformResourceIdentifier": x509.UniformResourceIdentifier,
        "IpAddress": lambda text: x509.IPAddress(ipaddress.ip_address(text)),
        "DirectoryName": lambda name: x509.DirectoryName(subject_of(name)),
    }[form](value)


def usage(*names):
    known = "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
    known += " key_cert_sign crl_sign encipher_only decipher_only"
    return x509.KeyUsage(**{name: name in names for name in known.split()})


def template_extensions(template):
    """What the template writes; it has the last word."""
    ca, leaf = CA.fullmatch(template), LEAF.fullmatch(template)
    if ca is not None:
        yield x509.BasicConstraints(ca=True, path_length=int(ca[2])), True
        if ca[1] is None:
            yield usage("digital_signature", "key_cert_sign", "crl_sign"), True
    elif leaf is not None:
        yield x509.BasicConstraints(ca=False, path_length=None), False
        if leaf[1] is None:
            yield usage("digital_signature", "key_encipherment"), True
            purposes = {None: [SERVER, CLIENT], "ServerAuth": [SERVER], "ClientAuth": [CLIENT]}[leaf[2]]
            yield x509.ExtendedKeyUsage(purposes), False
    else:
        raise invalid(f"template {template} is not known here")


def passed_extensions(given):
    """What the call passes through."""
    purposes = [
        {"SERVER_AUTH": SERVER, "CLIENT_AUTH": CLIENT}[one["ExtendedKeyUsageType"]]
        if "ExtendedKeyUsageType" in one
        else x509.ObjectIdentifier(one["ExtendedKeyUsageObjectIdentifier"])
        for one in given.get("ExtendedKeyUsage", [])
    ]
    if purposes:
        yield x509.ExtendedKeyUsage(purposes), False
    for one in given.get("CustomExtensions", []):
        value = base64.b64decode(one["Value"])
        oid = x509.ObjectIdentifier(one["ObjectIdentifier"])
        yield x509.UnrecognizedExtension(oid, value), one.get("Critical", False)
    names = [name_of(name) for name in given.get("SubjectAlternativeNames", [])]
    if names:
        yield x509.SubjectAlternativeName(names), False


def issue_certificate(self):
    params = json.loads(self.body)
    template = params.get("TemplateArn", "arn/EndEntityCertificate/V1").split("/")[-2]
    if template == "RootCACertificate":
        return issue_by_moto(self)
    ca = self.acmpca_backend.describe_certificate_authority(params["CertificateAuthorityArn"])
    token = (ca.arn, params.get("IdempotencyToken"))
    arn, at = tokens.get(token, (None, 0))
    if arn is not None and time.time() - at < 300:
        return json.dumps({"CertificateArn": arn})
    csr = x509.load_pem_x509_csr(base64.b64decode(params["Csr"]))
    passed = params.get("ApiPassthrough", {}) if template.endswith("_APIPassthrough") else {}
    not_before, not_after = instant(params["ValidityNotBefore"]), instant(params["Validity"])
    if not_after > ca.certificate.not_valid_after_utc:
        raise invalid("The certificate would outlive its CA.")
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject_of(passed["Subject"]) if "Subject" in passed else csr.subject)
        .issuer_name(ca.certificate.subject)
        .public_key(csr.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(csr.public_key()), False)
    )
    written = set()
    sources = [*template_extensions(template), *passed_extensions(passed.get("Extensions", {}))]
    for extension, critical in sources:
        if extension.oid not in written:
            builder = builder.add_extension(extension, critical)
            written.add(extension.oid)
    if ExtensionOID.SUBJECT_ALTERNATIVE_NAME not in written:
        for extension in csr.extensions:
            if extension.oid == ExtensionOID.SUBJECT_ALTERNATIVE_NAME:
                builder = builder.add_extension(extension.value, extension.critical)
    algorithm, _, family = params["SigningAlgorithm"].partition("WITH")
    if family != "RSA":
        raise invalid("The key of this CA is RSA.")
    certificate = builder.sign(ca.key, HASHES[algorithm]())
    arn = f"{ca.arn}/certificate/{str(mock_random.uuid4()).replace('-', '')}"
    ca.issued_certificates[arn] = certificate.public_bytes(serialization.Encoding.PEM)
    ca.issued_certificates_certificate_chains[arn] = ca.certificate_bytes
    tokens[token] = (arn, time.time())
    unread.add(arn)
    return json.dumps({"CertificateArn": arn})


def get_certificate(self):
    arn = json.loads(self.body).get("CertificateArn")
    if arn in unread:
        unread.remove(arn)
        raise RequestInProgressException("The certificate is being made.")
    return get_by_moto(self)


def sign(self):
    # moto judges the key and the algorithm; its signature is of no use.
    answer = json.loads(sign_by_moto(self))
    params = json.loads(self.body)
    if params.get("MessageType") != "DIGEST":
        return json.dumps(answer)
    key = self.kms_backend.describe_key(params["KeyId"]).private_key.private_key
    scheme, size = params["SigningAlgorithm"].rsplit("_SHA_", 1)
    algorithm = HASHES[f"SHA{size}"]()
    digest, hashed = base64.b64decode(params["Message"]), utils.Prehashed(algorithm)
    if scheme == "ECDSA":
        signature = key.sign(digest, ec.ECDSA(hashed))
    elif scheme == "RSASSA_PSS":
        pss = padding.PSS(mgf=padding.MGF1(algorithm), salt_length=padding.PSS.DIGEST_LENGTH)
        signature = key.sign(digest, pss, hashed)
    else:
        signature = key.sign(digest, padding.PKCS1v15(), hashed)
    return json.dumps({**answer, "Signature": base64.b64encode(signature).decode()})


KmsResponse.sign = sign
ACMPCAResponse.issue_certificate = issue_certificate
ACMPCAResponse.get_certificate = get_certificate

if __name__ == "__main__":
    main(sys.argv[1:])
