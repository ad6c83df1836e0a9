module spiffe-go/spiffe

// The line also decides the defaults of GODEBUG, and with them what crypto/x509 accepts.
go 1.26

require github.com/spiffe/go-spiffe/v2 v2.8.1

require github.com/go-jose/go-jose/v4 v4.1.4 // indirect
