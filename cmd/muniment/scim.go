package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/scim"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// scimConfig is how an identity provider keeps its users and groups here.
type scimConfig struct {
	// Listen is the address to serve SCIM on; loopback only.
	Listen string `yaml:"listen"`
	// Issuer is whose users and groups they are, as in user:<issuer>/<subject>.
	Issuer string `yaml:"issuer"`
	// TokenFile holds the tokens that the provider may present, one a line; only its owner may
	// read it.
	TokenFile string `yaml:"token_file"`
	// Subject is what the issuer's tokens carry as sub: externalId, userName or id; externalId
	// if left out.
	Subject string `yaml:"subject"`
	// Group is what policies name groups by: id or externalId; id if left out.
	Group string `yaml:"group"`
}

func (c *scimConfig) check(issuers []issuerConfig) error {
	if c == nil {
		return nil
	}
	if err := loopback(c.Listen); err != nil {
		return usagef("scim.listen: %w; without TLS, the provider's token would cross the network in clear", err)
	}
	if c.Issuer == "" || c.TokenFile == "" {
		return usagef("scim: needs an issuer and a token_file")
	}
	if c.Issuer == "local" { // the embedded one
		return nil
	}
	i := slices.IndexFunc(issuers, func(x issuerConfig) bool { return x.Name == c.Issuer })
	switch {
	case i < 0:
		return usagef("scim.issuer: %q is none of the issuers; nobody would be one of its users", c.Issuer)
	case issuers[i].Groups.From == "claim":
		return usagef("scim.issuer: the groups of %q come from a claim, so those that are kept by SCIM would count for nobody", c.Issuer)
	}
	return nil
}

// tokens reads the file, which must hold one at least.
func (c *scimConfig) tokens() ([]string, error) {
	info, err := os.Stat(c.TokenFile)
	if err != nil {
		return nil, usagef("scim.token_file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, usagef("scim.token_file: others may read %s; make it readable by its owner alone (chmod 600)", c.TokenFile)
	}
	file, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return nil, usagef("scim.token_file: %w", err)
	}
	tokens, err := scim.ParseTokens(string(file))
	if err != nil {
		return nil, usagef("scim.token_file: %s: %w", c.TokenFile, err)
	}
	return tokens, nil
}

// scimServer answers below /scim/v2, and nothing else.
type scimServer struct{ http *http.Server }

// serveSCIM begins to answer.
func serveSCIM(e *engine, log *slog.Logger) (*scimServer, error) {
	c := e.cfg.SCIM
	tokens, err := c.tokens()
	if err != nil {
		return nil, err
	}
	app := acl.Principal("service:scim-" + c.Issuer)
	h, err := scim.New(scim.Config{
		Catalog: provisioned{e.server.Indexer, app}, App: app, Audit: e.server.Audit, Refusals: e.server.Refusals, Limits: e.server.Limits,
		Issuer: c.Issuer, Tokens: tokens, Subject: first(c.Subject, "externalId"), GroupName: first(c.Group, "id"), Log: log, Now: time.Now,
	})
	if err != nil {
		return nil, usagef("%w", err)
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listening for SCIM: %w", err)
	}
	s := &scimServer{&http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	go s.http.Serve(listener) // it ends with close
	log.Info("serving SCIM", "addr", listener.Addr().String(), "issuer", c.Issuer)
	return s, nil
}

// close finishes what is being answered.
func (s *scimServer) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		return s.http.Close()
	}
	return nil
}

// provisioned is the catalog as an identity provider changes it, through the one writer.
type provisioned struct {
	indexer *indexer.Indexer
	by      acl.Principal
}

func (p provisioned) Entries(ctx context.Context) ([]catalog.Entry, error) {
	state, err := p.indexer.Pin(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer state.Release()
	return state.Entries(ctx)
}

func (p provisioned) Members(ctx context.Context, group acl.Principal) ([]acl.Principal, error) {
	state, err := p.indexer.Pin(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer state.Release()
	return state.Directory().Members(group), nil
}

func (p provisioned) Put(ctx context.Context, m catalog.PutEntry) error {
	prepared, err := p.indexer.Draft(m)
	if err != nil {
		return err
	}
	ticket, err := p.indexer.Submit(ctx, indexer.Actor{App: p.by}, prepared, catalog.Request{})
	if err != nil {
		return err
	}
	o, _, err := ticket.Wait(ctx)
	if err != nil {
		return err
	}
	return o.Refused
}
