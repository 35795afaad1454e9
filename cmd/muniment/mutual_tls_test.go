package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// forClient makes a certificate one of an app with a SPIFFE id; "" for none.
func forClient(id string, more ...func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.IPAddresses, c.ExtKeyUsage = nil, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		c.Subject = pkix.Name{CommonName: "spiffe://corp.test/chat"}
		if u, err := url.Parse(id); err == nil && id != "" {
			c.URIs = []*url.URL{u}
		}
		for _, change := range more {
			change(c)
		}
	}
}

// TestMutualTLS (ID-18, ID-19, ID-32): an app shows who it is with a client certificate, on
// real connections. What the CA did not sign or is over does not get through the handshake;
// what it signed for nobody that is configured gets no answer.
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	ca, clients, strangers, dir := newCA(t), newCA(t), newCA(t), t.TempDir()
	certificate, key := ca.sign(t, 2, nil)
	for name, data := range map[string][]byte{"server.pem": certificate, "server.key": key, "clients.pem": clients.pem} {
		replaceFile(t, filepath.Join(dir, name), data)
	}
	cfg := testConfig(filepath.Join(dir, "data"))
	cfg.TLS = &tlsConfig{
		Certificate: filepath.Join(dir, "server.pem"), Key: filepath.Join(dir, "server.key"), ClientCA: filepath.Join(dir, "clients.pem"),
		Apps: map[string]string{"spiffe://corp.test/chat": "chat", "spiffe://corp.test/crawler": "crawler"},
	}
	cfg.Apps["crawler"] = appConfig{Service: true}
	s := serveConfig(t, cfg)
	ada, adaElsewhere := s.token(identity.Request{Subject: "user:local/ada", App: "chat"}), s.token(identity.Request{Subject: "user:local/ada", App: "board-chat"})
	over := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	forServers := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }

	for name, c := range map[string]struct {
		ca     authorityOf
		change func(*x509.Certificate) // nil for no certificate
		token  string
		code   codes.Code
		reason string
	}{
		"a person through the app":     {clients, forClient("spiffe://corp.test/chat"), ada, codes.OK, ""},
		"a service":                    {clients, forClient("spiffe://corp.test/crawler"), "", codes.OK, ""},
		"no certificate, a token":      {clients, nil, ada, codes.OK, ""},
		"no certificate, no token":     {clients, nil, "", codes.Unauthenticated, "TOKEN_MISSING"},
		"ID-18 no person":              {clients, forClient("spiffe://corp.test/chat"), "", codes.PermissionDenied, "USER_REQUIRED"},
		"ID-19 another app's person":   {clients, forClient("spiffe://corp.test/chat"), adaElsewhere, codes.Unauthenticated, "TOKEN_UNBOUND"},
		"ID-32 the common name alone":  {clients, forClient(""), ada, codes.Unauthenticated, "CERTIFICATE_UNKNOWN"},
		"ID-32 an unknown SPIFFE id":   {clients, forClient("spiffe://corp.test/x"), ada, codes.Unauthenticated, "CERTIFICATE_UNKNOWN"},
		"ID-32 expired":                {clients, forClient("spiffe://corp.test/chat", over), ada, codes.Unavailable, ""},
		"ID-32 of another CA":          {strangers, forClient("spiffe://corp.test/chat"), ada, codes.Unavailable, ""},
		"ID-32 of the server's own CA": {ca, forClient("spiffe://corp.test/chat"), ada, codes.Unavailable, ""},
		"ID-32 a server's":             {clients, forClient("spiffe://corp.test/chat", forServers), ada, codes.Unavailable, ""},
	} {
		secured, err := pinned(cfg.TLS.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		if c.change != nil {
			pair, err := tls.X509KeyPair(c.ca.sign(t, 7, c.change))
			if err != nil {
				t.Fatal(err)
			}
			// Shown whatever CAs the server says that it wants.
			secured.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		conn, err := grpc.NewClient("passthrough:///"+s.addr, grpc.WithTransportCredentials(credentials.NewTLS(secured)))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ctx := context.Background()
		if c.token != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.token)
		}
		_, err = pb.NewRetrievalServiceClient(conn).Retrieve(ctx, &pb.RetrieveRequest{Query: "ferry"})
		if got := status.Convert(err); got.Code() != c.code || reason(got) != c.reason {
			t.Errorf("%s: %v, want %v %s", name, err, c.code, c.reason)
		}
		_, err = healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
		if (status.Code(err) == codes.Unavailable) != (c.code == codes.Unavailable) {
			t.Errorf("%s: health: %v", name, err)
		}
	}
}

// TestClientCAIsReloaded (ID-33): a CA that is taken out of the file signs nobody in any more.
func TestClientCAIsReloaded(t *testing.T) {
	ca, first, second, dir := newCA(t), newCA(t), newCA(t), t.TempDir()
	certificate, key := ca.sign(t, 2, nil)
	c := tlsConfig{Certificate: filepath.Join(dir, "server.pem"), Key: filepath.Join(dir, "server.key"), ClientCA: filepath.Join(dir, "clients.pem")}
	replaceFile(t, c.Certificate, certificate)
	replaceFile(t, c.Key, key)
	replaceFile(t, c.ClientCA, first.pem)
	failures := 0
	f, err := openTLS(c, slog.New(slog.DiscardHandler), func() { failures++ })
	if err != nil {
		t.Fatal(err)
	}
	trusted := func(by authorityOf) bool {
		current, err := f.config().GetConfigForClient(nil)
		if err != nil || current.ClientAuth != tls.VerifyClientCertIfGiven {
			t.Fatalf("client certificates are not verified: %v", err)
		}
		_, err = by.certificate.Verify(x509.VerifyOptions{Roots: current.ClientCAs})
		return err == nil
	}
	for _, step := range []struct {
		name          string
		file          []byte
		first, second bool
		failed        int
	}{
		{"as it was", first.pem, true, false, 0},
		{"half a file", second.pem[:len(second.pem)/2], true, false, 1},
		{"empty", nil, true, false, 2},
		{"both", append(append([]byte{}, first.pem...), second.pem...), true, true, 2},
		{"the second alone", second.pem, false, true, 2},
	} {
		replaceFile(t, c.ClientCA, step.file)
		f.look()
		if trusted(first) != step.first || trusted(second) != step.second || failures != step.failed {
			t.Errorf("%s: first %t, second %t, %d failures", step.name, trusted(first), trusted(second), failures)
		}
	}
}
