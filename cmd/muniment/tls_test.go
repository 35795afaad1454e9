package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// authorityOf is a CA of tests: it signs certificates, and its own is in PEM.
type authorityOf struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newCA(t *testing.T) authorityOf {
	ca := authorityOf{certificate: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tests"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-240 * time.Hour), NotAfter: time.Now().Add(240 * time.Hour),
	}}
	var err error
	if ca.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, ca.certificate, ca.certificate, ca.key.Public(), ca.key)
	if err != nil {
		t.Fatal(err)
	}
	if ca.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	ca.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return ca
}

// sign returns a certificate with the serial number and its key, in PEM, after changes.
func (ca authorityOf) sign(t *testing.T, serial int64, change func(*x509.Certificate)) (certificate, key []byte) {
	t.Helper()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serial), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(c)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, ca.certificate, private.Public(), ca.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// replaceFile replaces a file by a rename, as tools that renew certificates do.
func replaceFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// TestCertificateIsReloaded (ID-33): whatever happens to the files, a certificate is served
// that is whole, and the new one within the time between two looks.
func TestCertificateIsReloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, dir := newCA(t), t.TempDir()
		paths := tlsConfig{Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key")}
		oldCertificate, oldKey := ca.sign(t, 2, nil)
		replaceFile(t, paths.Certificate, oldCertificate)
		replaceFile(t, paths.Key, oldKey)
		var failures atomic.Int64
		f, err := openTLS(paths, slog.New(slog.DiscardHandler), func() { failures.Add(1) })
		if err != nil {
			t.Fatal(err)
		}
		go f.watch(t.Context())
		expect := func(when string, serial int64, failed bool) {
			t.Helper()
			before := failures.Load()
			time.Sleep(lookEvery)
			synctest.Wait()
			c, err := f.config().GetConfigForClient(nil)
			if err != nil || c.Certificates[0].Leaf.SerialNumber.Int64() != serial {
				t.Errorf("%s: %v is served, want %d", when, c.Certificates[0].Leaf.SerialNumber, serial)
			}
			if after := failures.Load(); (after > before) != failed {
				t.Errorf("%s: %d failures, want some: %t", when, after-before, failed)
			}
		}
		expect("nothing has changed", 2, false)
		certificate, key := ca.sign(t, 3, nil)
		replaceFile(t, paths.Certificate, certificate)
		expect("the certificate is new, the key old", 2, true)
		replaceFile(t, paths.Key, key)
		expect("both are new", 3, false)
		certificate, key = ca.sign(t, 4, nil)
		if err := os.WriteFile(paths.Certificate, certificate[:len(certificate)/2], 0o600); err != nil {
			t.Fatal(err)
		}
		expect("half a file", 3, true)
		expect("half a file, still", 3, true)
		os.Remove(paths.Certificate)
		expect("no file", 3, true)
		replaceFile(t, paths.Certificate, certificate)
		replaceFile(t, paths.Key, key)
		expect("whole again", 4, false)
		replaceFile(t, paths.Key, nil)
		expect("an empty key", 4, true)

		// As in Kubernetes: the files are links into a directory behind a link that is switched.
		for _, path := range []string{paths.Certificate, paths.Key} {
			os.Remove(path)
			if err := os.Symlink(filepath.Join("data", filepath.Base(path)), path); err != nil {
				t.Fatal(err)
			}
		}
		for serial := int64(5); serial < 7; serial++ {
			version := filepath.Join(dir, "v"+string(rune('0'+serial)))
			if err := os.Mkdir(version, 0o700); err != nil {
				t.Fatal(err)
			}
			certificate, key := ca.sign(t, serial, nil)
			replaceFile(t, filepath.Join(version, "tls.crt"), certificate)
			replaceFile(t, filepath.Join(version, "tls.key"), key)
			if err := os.Symlink(version, filepath.Join(dir, "data.new")); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(dir, "data.new"), filepath.Join(dir, "data")); err != nil {
				t.Fatal(err)
			}
			expect("the link is switched", serial, false)
		}
	})
}

// TestServeWithTLS: a server with a certificate answers those who trust it and nobody in
// clear, and an operator's verbs find it by its directory.
func TestServeWithTLS(t *testing.T) {
	t.Parallel()
	ca, dir := newCA(t), t.TempDir()
	certificate, key := ca.sign(t, 2, nil)
	other := newCA(t)
	for name, data := range map[string][]byte{"server.pem": certificate, "server.key": key, "ca.pem": ca.pem, "other.pem": other.pem, "empty.pem": nil} {
		replaceFile(t, filepath.Join(dir, name), data)
	}
	cfg := testConfig(filepath.Join(dir, "data"))
	cfg.TLS = &tlsConfig{Certificate: filepath.Join(dir, "server.pem"), Key: filepath.Join(dir, "server.key")}
	s := serveConfig(t, cfg)
	token := s.token(identity.Request{Subject: "service:ops", Roles: []identity.Grant{{Role: identity.RoleAdmin}}})
	for name, c := range map[string]struct {
		client
		code codes.Code
	}{
		"its CA":               {client{ca: filepath.Join(dir, "ca.pem")}, codes.OK},
		"its very certificate": {client{certificate: cfg.TLS.Certificate}, codes.OK},
		"another CA":           {client{ca: filepath.Join(dir, "other.pem")}, codes.Unavailable},
		"in clear":             {client{}, codes.Unavailable},
	} {
		c.addr, c.token = s.addr, token
		ctx, conn, err := c.dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := pb.NewOperationsServiceClient(conn).GetStatus(ctx, &pb.GetStatusRequest{}); status.Code(err) != c.code {
			t.Errorf("%s: %v, want %v", name, err, c.code)
		}
	}
	if _, _, err := (&client{addr: s.addr, token: token, ca: filepath.Join(dir, "empty.pem")}).dial(t.Context()); err == nil {
		t.Error("a CA file without a certificate is taken")
	}
	// What is not on this machine is never spoken to in clear.
	if made, err := (&client{}).transport("192.0.2.1:7600"); err != nil || made.Info().SecurityProtocol != "tls" {
		t.Errorf("another machine: %v, %v", made.Info(), err)
	}
	file := filepath.Join(dir, "muniment.yaml")
	replaceFile(t, file, []byte("data: "+cfg.Data+"\ntls: {certificate: "+cfg.TLS.Certificate+", key: "+cfg.TLS.Key+"}\n"))
	if got := program(t, "status", "--data", cfg.Data, "--config", file); got.code != exitOK {
		t.Errorf("muniment status: %+v", got)
	}
	old, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, NextProtos: []string{"h2"}})
	if err == nil {
		old.Close()
		t.Error("TLS 1.1 is spoken")
	}
}

// TestServeNeedsItsCertificate: a server that cannot do what it is configured for does not start.
func TestServeNeedsItsCertificate(t *testing.T) {
	t.Parallel()
	ca, dir := newCA(t), t.TempDir()
	certificate, _ := ca.sign(t, 2, nil)
	_, key := ca.sign(t, 3, nil)
	replaceFile(t, filepath.Join(dir, "server.pem"), certificate)
	replaceFile(t, filepath.Join(dir, "other.key"), key)
	for _, files := range []tlsConfig{
		{Certificate: "server.pem", Key: "missing.key"}, {Certificate: "server.pem", Key: "other.key"}, {Certificate: "other.key", Key: "other.key"},
	} {
		cfg := testConfig(t.TempDir())
		cfg.TLS = &tlsConfig{Certificate: filepath.Join(dir, files.Certificate), Key: filepath.Join(dir, files.Key)}
		err := serve(t.Context(), cfg, func(string) { t.Errorf("%v: the server is up", files) })
		if err == nil || exitCode(err) != exitUsage || !strings.HasPrefix(err.Error(), "tls: ") {
			t.Errorf("%v: exit %d, %v", files, exitCode(err), err)
		}
	}
}
