package folder

import (
	"net/url"
	"regexp"
	"strings"
)

// scpRemote is the short form of an SSH remote: "git@github.com:org/repo.git".
var scpRemote = regexp.MustCompile(`^(?:[^@/:]+@)?([^@/:\[\]]+):([^/].*)$`)

// webBase is the address under which the files of a branch are shown on the web, for the
// hosts whose layout is known by their name; "" for all others. Whatever user or password
// the remote carries stays out.
func webBase(remote, branch string) string {
	var host, repo string
	if m := scpRemote.FindStringSubmatch(remote); m != nil && !strings.Contains(remote, "://") {
		host, repo = m[1], m[2]
	} else if u, err := url.Parse(remote); err == nil && u.Host != "" {
		switch u.Scheme {
		case "https", "http", "ssh", "git":
			host, repo = u.Hostname(), u.Path
		}
	}
	repo = strings.Trim(strings.TrimSuffix(strings.Trim(repo, "/"), ".git"), "/")
	host = strings.ToLower(host)
	if !strings.Contains(repo, "/") || strings.Contains(repo, "..") {
		return ""
	}
	at := branch
	if branch == "" {
		at = "HEAD"
	}
	var view string
	switch {
	case host == "github.com" || strings.HasPrefix(host, "github."):
		view = "/blob/" + at
	case host == "gitlab.com" || strings.HasPrefix(host, "gitlab."):
		view = "/-/blob/" + at
	case host == "bitbucket.org":
		view = "/src/" + at
	case host == "codeberg.org" || strings.HasPrefix(host, "gitea.") || strings.HasPrefix(host, "forgejo."):
		if branch == "" {
			return ""
		}
		view = "/src/branch/" + branch
	default:
		return ""
	}
	return "https://" + host + escapePath("/"+repo+view)
}

// escapePath writes a slash path the way an address has it.
func escapePath(p string) string { return (&url.URL{Path: p}).EscapedPath() }

// joined is the address of a path below a base address.
func joined(base, name string) string {
	return strings.TrimSuffix(base, "/") + escapePath("/"+name)
}
