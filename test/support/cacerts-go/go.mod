module meshpkicacerts

// The line also decides the defaults of GODEBUG, and with them what crypto/x509 accepts.
go 1.26
