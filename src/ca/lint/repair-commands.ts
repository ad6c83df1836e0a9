/**
 * Commands that mend what a lint finds, for OpenSSL 3. They write new files beside the old ones, never over a file that is in use.
 * `ROOT_KEY.pem` stands for the key of the root, whose name is not known.
 *
 * @module
 */

import type { Certificate } from '../../x509/certificate.ts'

/** Lines of an extension file as `printf` takes them. */
function extensionFile(lines: readonly string[], file: string): string {
  return `printf '${lines.map((line) => `${line}\\n`).join('')}' > ${file}`
}

const ROOT_EXTENSIONS = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign']

/**
 * The same for a root that is there: its path length, and what else a CA's key is for, are kept. OpenSSL has the names
 * of RFC 5280.
 */
function rootExtensions({ isCa, pathLength, keyUsage }: Certificate): readonly string[] {
  const bits = new Set([...(isCa ? (keyUsage ?? []) : []), 'keyCertSign', 'cRLSign'])
  return [
    `basicConstraints=critical,CA:TRUE${pathLength === undefined ? '' : `,pathlen:${pathLength}`}`,
    `keyUsage=critical,${[...bits].join(',')}`,
  ]
}

/** Makes a root certificate of a request and its key. */
export function signRequestCommand(request: string): string {
  return `${extensionFile([...ROOT_EXTENSIONS, 'subjectKeyIdentifier=hash'], 'root.ext')} && openssl x509 -req -in ${request} -signkey ROOT_KEY.pem -sha256 -days 3650 -set_serial 0x$(openssl rand -hex 16) -extfile root.ext -out root-cert.new.pem`
}

/**
 * Issues a root again for its name and key, with what a CA needs. It keeps the key identifier that it has: what is below it
 * names that.
 */
export function reissueRootCommand(file: string, root: Certificate): string {
  const { subjectKeyIdentifier } = root
  return subjectKeyIdentifier === undefined
    ? reissue(file, root, 'subjectKeyIdentifier=hash')
    : keepKeyIdentifierCommand(file, root, subjectKeyIdentifier)
}

/** Issues a root again whose key identifier shall be what the certificates below it name. */
export function keepKeyIdentifierCommand(file: string, root: Certificate, keyIdentifier: string): string {
  const octets = keyIdentifier.toUpperCase().match(/../g) ?? []
  return reissue(file, root, `subjectKeyIdentifier=${octets.join(':')}`)
}

function reissue(file: string, root: Certificate, keyIdentifier: string): string {
  return `${extensionFile([...rootExtensions(root), keyIdentifier], 'root.ext')} && openssl x509 -in ${file} -signkey ROOT_KEY.pem -sha256 -days 3650 -set_serial 0x$(openssl rand -hex 16) -clrext -extfile root.ext -out root-cert.new.pem`
}

/** Prints which certificate in the folder belongs to a key. */
export function findCertificateOfKeyCommand(key: string): string {
  return `openssl pkey -in ${key} -pubout -out key.pub && for file in *.crt *.pem; do if openssl x509 -in "$file" -noout -pubkey 2>/dev/null | cmp -s - key.pub; then echo "$file"; fi; done`
}

/** Writes a key without the block of curve parameters before it. */
export function plainKeyCommand(key: string): string {
  return `openssl pkcs8 -topk8 -nocrypt -in ${key} -out ca-key.new.pem`
}

/** Writes a key of OpenSSH as PKCS#8, on a copy: OpenSSL cannot read that form. */
export function opensshKeyCommand(key: string): string {
  return `install -m 600 ${key} ca-key.new.pem && ssh-keygen -p -N '' -m PKCS8 -f ca-key.new.pem`
}
