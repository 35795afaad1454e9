package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
)

func tokenCommand() *cobra.Command {
	var (
		file, data, subject, app, clearance string
		roles                               []string
		guest                               bool
		ttl                                 time.Duration
	)
	c := &cobra.Command{
		Use:   "token --data DIR --subject PRINCIPAL",
		Short: "Issue a token of the embedded issuer",
		Long: `Issue a token of the embedded issuer, signed with the key ring in DIR/keys. It works while the server runs, and
makes the key ring if the server has not run yet. Whoever can read DIR/keys can be anyone: keep it safe.

The subject is user:local/NAME, or service:NAME for an app that acts for itself. Without --app the token acts
for the built-in app service:muniment-cli, which may reach everything the subject may read.

Reading needs no role. Roles:
  ingest, ingest:SOURCE   send documents, of one source or of all
  directory               send groups
  steward, auditor, admin look after sources; check the record; run the server

` + exitCodes,
		Example: `  muniment token --data ./data --subject user:local/ada
  muniment token --data ./data --subject service:crawler --role ingest:handbook --role directory --ttl 24h`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := loadConfig(file, data, "")
			if err != nil {
				return err
			}
			if subject == "" {
				return usagef("--subject is missing: user:local/NAME or service:NAME")
			}
			r := identity.Request{Subject: acl.Principal(subject), App: app, Clearance: clearance, Guest: guest, TTL: ttl}
			for _, s := range roles {
				g, err := identity.ParseRole(s)
				if err != nil {
					return usagef("--role: %w", err)
				}
				r.Roles = append(r.Roles, g)
			}
			keys, err := identity.OpenKeyRing(cfg.path("keys"))
			if err != nil {
				return err
			}
			authority, err := cfg.authority(keys)
			if err != nil {
				return err
			}
			token, err := authority.Issue(r)
			if err != nil {
				return usageError{err}
			}
			fmt.Fprintln(c.OutOrStdout(), token)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&data, "data", "", "the server's data directory")
	f.StringVar(&file, "config", "", "the configuration file (default DIR/muniment.yaml)")
	f.StringVar(&subject, "subject", "", "who the token is for: user:local/NAME or service:NAME")
	f.StringVar(&app, "app", "", "the app that acts for the subject (default the command line itself)")
	f.StringArrayVar(&roles, "role", nil, "a role; may be repeated")
	f.StringVar(&clearance, "clearance", "", "the highest sensitivity label the subject may read (default internal)")
	f.BoolVar(&guest, "guest", false, `mark the subject as a guest, whom "everyone" does not include`)
	f.DurationVar(&ttl, "ttl", time.Hour, "how long the token is valid")
	return c
}
