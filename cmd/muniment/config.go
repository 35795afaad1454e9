package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/limits"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/indexer/embed"
)

// config is the server's configuration: one YAML file, in which unknown keys are errors.
// Flags and environment variables override it.
type config struct {
	// Data is the directory everything lives in.
	Data string `yaml:"data"`
	// Listen is the address to serve gRPC on; loopback only, unless there is TLS.
	Listen string `yaml:"listen"`
	// TLS is the certificate to serve with; none if absent.
	TLS *tlsConfig `yaml:"tls"`
	// Metrics is the address to serve metrics on, for Prometheus; loopback only, "" for none.
	Metrics string `yaml:"metrics"`
	// Admin is the address to serve profiles and gRPC reflection on; loopback only, "" for none.
	Admin string `yaml:"admin"`
	// Audience is what tokens must be made for.
	Audience string `yaml:"audience"`
	// LogLevel is debug, info, warn or error.
	LogLevel string `yaml:"log_level"`
	// Sensitivity is the scale of labels, lowest first.
	Sensitivity []string `yaml:"sensitivity"`
	// Apps narrows what an app may reach, by app name.
	Apps map[string]appConfig `yaml:"apps"`
	// Issuers are whom to believe besides the embedded issuer.
	Issuers []issuerConfig `yaml:"issuers"`
	// Roles says what callers of those issuers may do besides reading.
	Roles []roleConfig `yaml:"roles"`
	// SyncGuard is the share of a source's documents that a sync may remove unconfirmed.
	SyncGuard float64 `yaml:"sync_guard"`
	// KeepDeleted is how long the marks of deleted documents are kept, of sources whose
	// versions are times; others keep them for good.
	KeepDeleted time.Duration `yaml:"keep_deleted"`
	// Embedder is the server that turns text into vectors; the embedded default if absent.
	Embedder *embedderConfig `yaml:"embedder"`
	// VectorSpaces declares the spaces of vectors that senders bring.
	VectorSpaces []spaceConfig `yaml:"vector_spaces"`
	// SCIM lets an identity provider keep its users and groups here; none does if absent.
	SCIM *scimConfig `yaml:"scim"`
	// Audit says where checkpoints of the audit log are kept besides the data.
	Audit auditConfig `yaml:"audit"`
	// Limits bounds how often each user and each app may call.
	Limits limits.Config `yaml:"limits"`

	lockWait time.Duration // for another process to let go of the data; 0 for the store's default
}

type appConfig struct {
	Sources   []string `yaml:"sources"`
	Clearance string   `yaml:"clearance"`
	Service   bool     `yaml:"service"` // may call for itself
}

type spaceConfig struct {
	ID         string   `yaml:"id"`
	Dimensions int      `yaml:"dimensions"`
	Queries    bool     `yaml:"queries"` // whether a query may bring a vector of it
	Weight     *float64 `yaml:"weight"`  // of the vector leg, for such queries
}

func defaultConfig() config {
	return config{Listen: "127.0.0.1:7600", Audience: "muniment", LogLevel: "info", Sensitivity: acl.DefaultScale, SyncGuard: 0.2, KeepDeleted: 90 * 24 * time.Hour, Limits: limits.Default}
}

// loadConfig reads the file named, else DATA/muniment.yaml if there is one, else nothing;
// then the environment; then the flags, which are passed in as what was set.
func loadConfig(file, data, listen string) (config, error) {
	c := defaultConfig()
	data = first(data, os.Getenv("MUNIMENT_DATA"))
	if file == "" && data != "" {
		if beside := filepath.Join(data, "muniment.yaml"); exists(beside) {
			file = beside
		}
	}
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return c, usagef("reading the configuration: %w", err)
		}
		d := yaml.NewDecoder(bytes.NewReader(b))
		d.KnownFields(true)
		if err := d.Decode(&c); err != nil {
			return c, usagef("%s: %w", file, err)
		}
	}
	c.Data = first(data, c.Data)
	c.Listen = first(listen, os.Getenv("MUNIMENT_LISTEN"), c.Listen)
	return c, c.check()
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}

// check refuses what is missing or cannot mean what it says.
func (c config) check() error {
	if c.Data == "" {
		return usagef("say where the data lives: --data DIR, MUNIMENT_DATA, or data: in the configuration")
	}
	if c.Audience == "" {
		return usagef("audience: must not be empty; a token made for any service would be accepted")
	}
	if err := c.TLS.check(); err != nil {
		return err
	}
	if err := loopback(c.Listen); err != nil && c.TLS == nil {
		return usagef("listen: %w; without tls: in the configuration, tokens would cross the network in clear", err)
	}
	if c.Metrics != "" {
		if err := loopback(c.Metrics); err != nil {
			return usagef("metrics: %w; whoever can reach them can read them", err)
		}
	}
	if c.Admin != "" {
		if err := loopback(c.Admin); err != nil {
			return usagef("admin: %w; it asks for no token", err)
		}
	}
	if err := c.Embedder.check(); err != nil {
		return err
	}
	if err := c.SCIM.check(c.Issuers); err != nil {
		return err
	}
	if err := c.Audit.check(c.Data); err != nil {
		return usagef("audit.checkpoint: %w", err)
	}
	if err := c.Limits.Check(); err != nil {
		return usagef("limits: %w", err)
	}
	seen := map[string]bool{}
	for _, label := range c.Sensitivity {
		if label == "" || seen[label] {
			return usagef("sensitivity: labels must be distinct and not empty")
		}
		seen[label] = true
	}
	if !seen[acl.DefaultSensitivity] {
		return usagef("sensitivity: must contain %q, the label of documents that name none", acl.DefaultSensitivity)
	}
	for name, app := range c.Apps {
		if app.Clearance != "" && !seen[app.Clearance] {
			return usagef("apps.%s.clearance: %q is not one of %v", name, app.Clearance, c.Sensitivity)
		}
	}
	for _, i := range c.Issuers {
		if err := i.check(); err != nil {
			return err
		}
	}
	who, err := c.identity()
	if err == nil {
		err = who.Check()
	}
	if err != nil {
		return usageError{err}
	}
	if c.KeepDeleted < 24*time.Hour {
		return usagef("keep_deleted: must be at least 24h, longer than a late line may take, not %v", c.KeepDeleted)
	}
	if !(c.SyncGuard >= 0 && c.SyncGuard <= 1) {
		return usagef("sync_guard: must be a share between 0 and 1, not %v", c.SyncGuard)
	}
	for _, s := range c.VectorSpaces {
		if s.ID == "" || s.Dimensions < 1 || s.Dimensions > 8192 {
			return usagef("vector_spaces: %q needs an id and between 1 and 8192 dimensions", s.ID)
		}
		if embed.Own(s.ID) {
			return usagef("vector_spaces: %q is a space of the server's own; its vectors are not for senders to bring", s.ID)
		}
		if s.Weight != nil && !(*s.Weight >= 0 && *s.Weight <= 1) {
			return usagef("vector_spaces: the weight of %q must be between 0 and 1", s.ID)
		}
	}
	return nil
}

// loopback refuses an address that other machines may reach.
func loopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("%q is not a loopback address", address)
	}
	return nil
}

func (c config) scale() acl.Scale { return c.Sensitivity }

func (c config) spaces() []indexer.Space {
	var list []indexer.Space
	for _, s := range c.VectorSpaces {
		list = append(list, indexer.Space{ID: s.ID, Dimensions: s.Dimensions})
	}
	return list
}

// path is a place below the data directory.
func (c config) path(parts ...string) string {
	return filepath.Join(append([]string{c.Data}, parts...)...)
}
