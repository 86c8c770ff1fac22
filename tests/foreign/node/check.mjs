// Asks `jose` or `@sd-jwt/core` about one ES256 token.
//   node check.mjs jose|sd-jwt <REQUEST   where REQUEST is {"token": TEXT, "jwk": PUBLIC KEY}
// It writes {"accepted": BOOLEAN, "said": TEXT}: the payload where accepted, else the error.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

import { SDJwtInstance } from '@sd-jwt/core'
import { compactVerify, importJWK } from 'jose'

const algorithms = ['ES256']
const { token, jwk } = JSON.parse(readFileSync(0, 'utf8'))
const key = await importJWK(jwk, 'ES256')

async function jose () {
  const { payload } = await compactVerify(token, key, { algorithms })
  return new TextDecoder().decode(payload)
}

async function sdJwt () {
  const instance = new SDJwtInstance({
    hashAlg: 'sha-256',
    hasher: (data, name) => createHash(name.replace('-', '')).update(data).digest(),
    verifier: (data, signature) =>
      compactVerify(`${data}.${signature}`, key, { algorithms }).then(() => true, () => false)
  })
  const { payload } = await instance.verify(token)
  return JSON.stringify(payload)
}

const verdict = await { jose, 'sd-jwt': sdJwt }[process.argv[2]]().then(
  said => ({ accepted: true, said }),
  error => ({ accepted: false, said: `${error.name}: ${error.message}` })
)
console.log(JSON.stringify(verdict))
