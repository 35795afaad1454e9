package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// tlsConfig is where the server's certificate is, and what those of apps mean.
type tlsConfig struct {
	// Certificate and Key are PEM files: the chain, the server's own certificate first, and
	// its private key.
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
	// ClientCA is a PEM file with the CAs of client certificates; nobody is asked for one if
	// it is empty.
	ClientCA string `yaml:"client_ca"`
	// Apps holds the app of a SPIFFE id, another URI or a DNS name in a client certificate.
	Apps map[string]string `yaml:"apps"`
}

// lookEvery is how often the files are looked at. A new certificate is served within it.
const lookEvery = 10 * time.Second

// tlsFiles serves what is in the files, and goes on with what was in them before where they
// cannot be used: while they are being replaced one may be new and the other old, or half
// written.
type tlsFiles struct {
	paths  []string
	log    *slog.Logger
	failed func() // is called for each look that found files which cannot be used

	mu      sync.Mutex
	current *tls.Config
	expires time.Time     // when the certificate served ends
	seen    []os.FileInfo // of the files that current is from
}

// openTLS reads the files, which must be in order.
func openTLS(c tlsConfig, log *slog.Logger, failed func()) (*tlsFiles, error) {
	f := &tlsFiles{paths: []string{c.Certificate, c.Key}, log: log, failed: failed}
	if c.ClientCA != "" {
		f.paths = append(f.paths, c.ClientCA)
	}
	return f, f.read()
}

// config is for a listener: each connection gets what is current at its beginning.
func (f *tlsFiles) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.current, nil
		},
	}
}

// watch looks at the files until the context ends.
func (f *tlsFiles) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.look()
		}
	}
}

// look reads the files if one of them has changed. Files are known by what a path leads to,
// so that a symbolic link that is switched to another directory counts as a change.
func (f *tlsFiles) look() {
	if !f.changed() {
		return
	}
	if err := f.read(); err != nil {
		f.failed()
		f.log.Warn("the certificate cannot be used; the one before is still served", "error", err, "expires", f.expiry())
		return
	}
	f.log.Info("serving a new certificate", "expires", f.expiry())
}

func (f *tlsFiles) changed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, path := range f.paths {
		info, err := os.Stat(path)
		if err != nil || !os.SameFile(info, f.seen[i]) || !info.ModTime().Equal(f.seen[i].ModTime()) || info.Size() != f.seen[i].Size() {
			return true
		}
	}
	return false
}

// read reads the files and makes what is in them current. What they were is noted before they
// are read: a change in between is found the next time.
func (f *tlsFiles) read() error {
	var seen []os.FileInfo
	var content [][]byte
	for _, path := range f.paths {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen, content = append(seen, info), append(content, data)
	}
	pair, err := tls.X509KeyPair(content[0], content[1])
	if err != nil {
		return fmt.Errorf("%s and %s: %w", f.paths[0], f.paths[1], err)
	}
	next := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}, Certificates: []tls.Certificate{pair},
		SessionTicketsDisabled: true, // every connection is judged by what is current
	}
	if len(content) > 2 { // apps may show a certificate, people need none
		next.ClientAuth, next.ClientCAs = tls.VerifyClientCertIfGiven, x509.NewCertPool()
		if !next.ClientCAs.AppendCertsFromPEM(content[2]) {
			return fmt.Errorf("%s: no certificate in it", f.paths[2])
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current, f.expires, f.seen = next, pair.Leaf.NotAfter, seen
	return nil
}

// expiry is when the certificate that is served ends.
func (f *tlsFiles) expiry() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.expires
}

// check refuses half a configuration.
func (c *tlsConfig) check() error {
	switch {
	case c == nil:
		return nil
	case c.Certificate == "" || c.Key == "":
		return usagef("tls: needs certificate and key, two PEM files")
	case (c.ClientCA == "") != (len(c.Apps) == 0):
		return usagef("tls: client_ca and apps need each other: whose certificates count, and for which app each is")
	}
	return nil
}
