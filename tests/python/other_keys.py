"""Keys that the server does not have."""

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa


def other_key_for(asked):
    """A key for the algorithm that the question names."""
    algorithm = asked.get("algorithm", "HS256")
    if algorithm.startswith("HS"):
        return asked["key"][::-1]
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm.startswith("ES"):
        return ec.generate_private_key(ec.SECP256R1() if algorithm == "ES256" else ec.SECP384R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
