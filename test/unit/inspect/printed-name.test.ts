import { describe, expect, test } from 'vitest'
import { isPrintedAs } from '../../../src/inspect/show-certs/printed-name.ts'
import { Name } from '../../../src/x509/index.ts'

const name = Name.from([{ C: 'DE' }, { O: 'Acme, "Inc"' }, { CN: 'Rööt' }, { emailAddress: 'a@b.c' }])

describe('a name as OpenSSL prints it', () => {
  // What `openssl x509 -subject` of 3.0.19, the same with -nameopt oneline,-space_eq (the default of 3.2), and with -nameopt compat say.
  test.each([
    ['C = DE, O = "Acme, \\"Inc\\"", CN = R\\C3\\B6\\C3\\B6t, emailAddress = a@b.c'],
    ['C=DE, O="Acme, \\"Inc\\"", CN=R\\C3\\B6\\C3\\B6t, emailAddress=a@b.c'],
    ['C = DE, O = "Acme, \\"Inc\\"", CN = Rööt, emailAddress = a@b.c'],
    ['/C=DE/O=Acme, "Inc"/CN=R\\xC3\\xB6\\xC3\\xB6t/emailAddress=a@b.c'],
  ])('%s', (printed) => {
    expect(isPrintedAs(name, printed)).toBe(true)
  })

  test.each([
    ['another value', 'C = DE, O = "Acme, \\"Inc\\"", CN = Root, emailAddress = a@b.c'],
    ['another type', 'C = DE, O = "Acme, \\"Inc\\"", OU = R\\C3\\B6\\C3\\B6t, emailAddress = a@b.c'],
    ['one less', 'C = DE, O = "Acme, \\"Inc\\"", CN = R\\C3\\B6\\C3\\B6t'],
    ['one more', 'C = DE, O = "Acme, \\"Inc\\"", CN = R\\C3\\B6\\C3\\B6t, emailAddress = a@b.c, O = x'],
    ['another order', 'O = "Acme, \\"Inc\\"", C = DE, CN = R\\C3\\B6\\C3\\B6t, emailAddress = a@b.c'],
    ['none', ''],
  ])('is not that of %s', (_, printed) => {
    expect(isPrintedAs(name, printed)).toBe(false)
  })

  test.each([['no name'], ['O = "never ends'], ['O = a" , b'], [`CN = ${'x'.repeat(20_000)}`]])(
    'is not known of %s',
    (printed) => {
      expect(isPrintedAs(name, printed)).not.toBe(true)
    },
  )

  test('of several values in one RDN, of an OID, of an empty name', () => {
    expect(isPrintedAs(Name.from([{ CN: 'b', O: 'a' }, { OU: 'c/d' }]), 'O = a + CN = b, OU = c/d')).toBe(
      isPrintedAs(Name.from([{ CN: 'b', O: 'a' }, { OU: 'c/d' }]), 'O=a + CN=b, OU=c/d'),
    )
    expect(isPrintedAs(Name.parse('OU=c/d'), '/OU=c/d')).toBe(true)
    expect(isPrintedAs(Name.from([]), '')).toBe(true)
    expect(isPrintedAs(Name.from([]), 'O = x')).toBe(false)
  })
})
