package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// roots is how a client knows the server.
func roots(caFile string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return c, nil // whom this machine trusts
	}
	data, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s: no certificate in it", caFile)
	}
	return c, nil
}

// pinned trusts the very certificate in the server's file and no other. It is for whoever can
// read the server's configuration, and knows it by an address that is in no certificate.
func pinned(certificate string) (*tls.Config, error) {
	data, err := os.ReadFile(certificate)
	if err != nil {
		return nil, err
	}
	own, _ := pem.Decode(data)
	if own == nil {
		return nil, fmt.Errorf("%s: no certificate in it", certificate)
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection demands more than names and chains do
		VerifyConnection: func(s tls.ConnectionState) error {
			if !bytes.Equal(s.PeerCertificates[0].Raw, own.Bytes) {
				return errors.New("another certificate than that of the configuration")
			}
			return nil
		},
	}, nil
}
