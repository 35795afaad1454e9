package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/muniment/muniment/cmd/muniment/folder"
)

// folderFlags is what the command line says of a folder that is sent.
type folderFlags struct {
	source                    string
	readers                   []string
	policyFile, ownersFile    string
	uriBase                   string
	posixACL, otherIsEveryone bool
	noRemovals                bool
	allowRemovals             int64
	watch                     bool
	every                     time.Duration
}

func (f *folderFlags) flags(c *cobra.Command) {
	s := c.Flags()
	s.StringVar(&f.source, "source", "", "the name of the source that the folder is")
	s.StringSliceVar(&f.readers, "readers", nil, "who may read the folder: principals between commas, such as everyone,group:staff")
	s.StringVar(&f.policyFile, "policy", "", "a file with the folder's policy, in YAML or JSON, instead of --readers")
	s.StringVar(&f.ownersFile, "owners", "", "a YAML file that maps the names in CODEOWNERS to principals")
	s.StringVar(&f.uriBase, "uri-base", "", "what the address of a document begins with (default: from the Git remote, if its host is known)")
	s.BoolVar(&f.posixACL, "posix-acl", false, "only who may read a file on this machine may read the document")
	s.BoolVar(&f.otherIsEveryone, "posix-other-is-everyone", false, "with --posix-acl: what \"other\" may read, everyone may (default: nobody)")
	s.BoolVar(&f.noRemovals, "no-removals", false, "keep on the server what the folder no longer has")
	s.Int64Var(&f.allowRemovals, "allow-removals", 0, "confirm that up to so many documents may be removed at once")
	s.BoolVar(&f.watch, "watch", false, "go on, and send what changes")
	s.DurationVar(&f.every, "every", time.Minute, "with --watch: how often to look at everything, whether changes were noticed or not")
}

// check refuses what cannot be meant, before anything is read.
func (f *folderFlags) check(c *cobra.Command, args []string) error {
	if f.source == "" {
		for _, name := range []string{"readers", "policy", "owners", "uri-base", "posix-acl", "posix-other-is-everyone", "no-removals", "allow-removals", "watch", "every"} {
			if c.Flags().Changed(name) {
				return usagef("--%s is for folders: pass --source NAME and one folder", name)
			}
		}
		for _, arg := range args {
			if info, err := os.Stat(arg); err == nil && info.IsDir() {
				return usagef("%s is a folder: pass --source NAME to say which source it is", arg)
			}
		}
		return nil
	}
	switch {
	case len(args) != 1:
		return usagef("--source takes one folder, not %d", len(args))
	case len(f.source) > 256:
		return usagef("--source: %d bytes, at most 256", len(f.source))
	case len(f.readers) > 0 && f.policyFile != "":
		return usagef("--readers is a short form of --policy; give one of them")
	case f.otherIsEveryone && !f.posixACL:
		return usagef("--posix-other-is-everyone says something only with --posix-acl")
	case f.noRemovals && f.allowRemovals != 0:
		return usagef("--no-removals and --allow-removals say opposite things")
	case f.allowRemovals < 0:
		return usagef("--allow-removals: %d, at least 0", f.allowRemovals)
	case c.Flags().Changed("every") && !f.watch:
		return usagef("--every says something only with --watch")
	case f.every < time.Second:
		return usagef("--every: %s, at least 1s", f.every)
	}
	if info, err := os.Stat(args[0]); err != nil {
		return usageError{err}
	} else if !info.IsDir() {
		return usagef("%s is no folder; --source is for folders, the lines of a file name their source", args[0])
	}
	return nil
}

// open opens the folder that the flags describe.
func (f *folderFlags) open(dir string) (*folder.Folder, error) {
	cfg := folder.Config{Dir: dir, Source: f.source, URIBase: f.uriBase}
	var err error
	if len(f.readers) > 0 {
		if cfg.Policy, err = folder.Readers(f.readers...); err != nil {
			return nil, usagef("--readers: %w", err)
		}
	}
	if f.policyFile != "" {
		text, err := os.ReadFile(f.policyFile)
		if err == nil {
			cfg.Policy, err = folder.ParsePolicy(text)
		}
		if err != nil {
			return nil, usagef("--policy: %w", err)
		}
	}
	if f.ownersFile != "" {
		text, err := os.ReadFile(f.ownersFile)
		if err == nil {
			cfg.Owners, err = folder.ParseOwnerMap(text)
		}
		if err != nil {
			return nil, usagef("--owners: %w", err)
		}
	}
	if f.posixACL {
		cfg.POSIX = &folder.POSIX{OtherIsEveryone: f.otherIsEveryone}
	}
	opened, err := folder.Open(cfg)
	if err != nil {
		return nil, usageError{err}
	}
	return opened, nil
}

// explainScan says what to do when a folder cannot be taken as it is.
func explainScan(err error, dir string) error {
	if errors.Is(err, folder.ErrNoPolicy) {
		return usagef("%w: %s\npass --readers everyone (or --readers group:NAME,user:ISSUER/NAME), or --policy FILE, or put a %s with readers: into the folder",
			err, dir, folder.SettingsFile)
	}
	return usageError{fmt.Errorf("nothing was sent: %w", err)}
}
