package main

import (
	"log/slog"
	"strings"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/api/identity/oidc"
)

// issuerConfig is an issuer whose tokens are accepted. docs/identity.md explains every key.
type issuerConfig struct {
	Name       string            `yaml:"name"`
	Issuer     string            `yaml:"issuer"`
	Audience   string            `yaml:"audience"`
	Algorithms []string          `yaml:"algorithms"`
	Discovery  bool              `yaml:"discovery"`
	JWKSURL    string            `yaml:"jwks_url"`
	JWKSFile   string            `yaml:"jwks_file"`
	Types      []string          `yaml:"types"`
	IDTokens   bool              `yaml:"id_tokens"`
	Subject    string            `yaml:"subject"`
	Client     string            `yaml:"client"`
	Person     string            `yaml:"person"`
	Require    map[string]string `yaml:"require"`
	Leeway     time.Duration     `yaml:"leeway"`
	Apps       map[string]string `yaml:"apps"`
	Groups     groupsConfig      `yaml:"groups"`
	Clearance  clearanceConfig   `yaml:"clearance"`
	Guest      guestConfig       `yaml:"guest"`
}

type groupsConfig struct {
	From  string `yaml:"from"` // directory or claim
	Claim string `yaml:"claim"`
}

type clearanceConfig struct {
	Claim   string            `yaml:"claim"`
	Values  map[string]string `yaml:"values"`
	Default string            `yaml:"default"`
}

type guestConfig struct {
	Claim string `yaml:"claim"`
	Value string `yaml:"value"`
}

// roleConfig gives a role to a principal, or to the people of an issuer whose claim has a value.
type roleConfig struct {
	Role      string   `yaml:"role"`
	Principal string   `yaml:"principal"`
	Issuer    string   `yaml:"issuer"`
	Claim     string   `yaml:"claim"`
	Value     string   `yaml:"value"`
	Apps      []string `yaml:"apps"`
}

// check refuses what only the form of the configuration can say.
func (c issuerConfig) check() error {
	switch g := c.Groups; {
	case g.From == "claim" && g.Claim == "":
		return usagef("issuers.%s.groups.claim: missing", c.Name)
	case g.From != "claim" && g.Claim != "":
		return usagef("issuers.%s.groups: a claim, and not from: claim; groups come from one place, never from both", c.Name)
	case g.From != "" && g.From != "claim" && g.From != "directory":
		return usagef("issuers.%s.groups.from: must be directory or claim, not %q", c.Name, g.From)
	}
	return nil
}

// trusted is the issuer as package identity knows it.
func (c issuerConfig) trusted() identity.IssuerConfig {
	var types []string
	for _, t := range c.Types {
		types = append(types, strings.ToLower(t)) // media types know no case
	}
	return identity.IssuerConfig{
		Name: c.Name,
		Config: oidc.Config{
			Issuer: c.Issuer, Audience: c.Audience, Algorithms: c.Algorithms, Discovery: c.Discovery, KeysURL: c.JWKSURL, KeysFile: c.JWKSFile,
			Types: types, IDTokens: c.IDTokens, Subject: c.Subject, Client: c.Client, Leeway: c.Leeway, Log: slog.Default(),
		},
		Apps: c.Apps, Person: c.Person, Require: c.Require, Groups: c.Groups.Claim,
		Clearance: identity.ClearanceClaim{Claim: c.Clearance.Claim, Values: c.Clearance.Values, Default: c.Clearance.Default},
		Guest:     identity.GuestClaim{Claim: c.Guest.Claim, Value: c.Guest.Value},
	}
}

// identity is what the configuration says of who may call.
func (c config) identity() (identity.Config, error) {
	out := identity.Config{Audience: c.Audience, Scale: c.scale(), Apps: map[string]identity.App{}}
	for name, a := range c.Apps {
		out.Apps[name] = identity.App{Sources: a.Sources, Clearance: a.Clearance, Service: a.Service}
	}
	if c.TLS != nil {
		out.Certificates = c.TLS.Apps
	}
	for _, i := range c.Issuers {
		out.Issuers = append(out.Issuers, i.trusted())
	}
	for n, r := range c.Roles {
		role, err := identity.ParseRole(r.Role)
		if err != nil {
			return out, usagef("roles[%d].role: %w", n, err)
		}
		out.Roles = append(out.Roles, identity.Assignment{
			Role: role, Principal: acl.Principal(r.Principal), Issuer: r.Issuer, Claim: r.Claim, Value: r.Value, Apps: r.Apps,
		})
	}
	return out, nil
}

// authority makes and verifies tokens as the configuration says.
func (c config) authority(keys *identity.KeyRing) (*identity.Authority, error) {
	settings, err := c.identity()
	if err != nil {
		return nil, err
	}
	a, err := identity.NewAuthority(keys, settings)
	if err != nil {
		return nil, usagef("setting up identity: %w", err)
	}
	return a, nil
}
