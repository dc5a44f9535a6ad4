// Sign-up, and the user of a request.
import { randomBytes, scrypt } from "node:crypto";
import { promisify } from "node:util";
import { createSigner, createVerifier } from "fast-jwt";

const BEARER = /^Bearer (.+)$/;
const DUPLICATE_KEY = 11000;
const KEPT_TOKENS = 1000; // that were verified
const LIFETIME_MS = 3_600_000;

export function authentication(db, secret) {
  const users = db.collection("users");
  const sign = createSigner({ key: secret, expiresIn: LIFETIME_MS });
  const verify = createVerifier({ key: secret, algorithms: ["HS256"], cache: KEPT_TOKENS });

  return {
    // null when the address is taken.
    async register({ email, password, name, region = null }) {
      const salt = randomBytes(16);
      const hash = await promisify(scrypt)(password, salt, 32);
      const _id = `usr_${randomBytes(13).toString("hex").toUpperCase()}`;
      const user = { _id, email, name, region, role: "CUSTOMER", salt, hash };
      try {
        await users.insertOne(user);
      } catch (error) {
        if (error.code === DUPLICATE_KEY) return null;
        throw error;
      }
      return { accessToken: sign({ sub: _id }), user };
    },

    // The id in the token; undefined without a token. Throws if the token is invalid.
    viewerId(request) {
      const [, token] = BEARER.exec(request.headers.authorization ?? "") ?? [];
      return token && verify(token).sub;
    },
  };
}
