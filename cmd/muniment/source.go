package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func sourceCommand() *cobra.Command {
	return group("source", "Look after sources and their sync sessions", sourceListCommand(), sourceSetCommand(), sourceAbortCommand())
}

// withSources calls f with a connection to the sources.
func withSources(c *cobra.Command, cl *client, f func(context.Context, pb.SourceServiceClient) error) error {
	ctx, conn, err := cl.dial(c.Context())
	if err != nil {
		return err
	}
	defer conn.Close()
	return f(ctx, pb.NewSourceServiceClient(conn))
}

func sourceListCommand() *cobra.Command {
	var cl client
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the sources: how many documents, when last synced, how far behind, what went wrong",
		Long: `List the sources that the token has a role for: ingest, steward or admin.

` + exitCodes,
		Example: "  muniment source list\n  muniment source list --json",
		Args:    exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			return withSources(c, &cl, func(ctx context.Context, s pb.SourceServiceClient) error {
				all, err := allSources(ctx, s)
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(c.OutOrStdout(), &pb.ListSourcesResponse{Sources: all})
				}
				return printSources(c.OutOrStdout(), all, time.Now())
			})
		},
	}
	cl.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print the response as JSON, with the contract's field names")
	return c
}

// allSources are the sources of all pages.
func allSources(ctx context.Context, s pb.SourceServiceClient) (all []*pb.Source, err error) {
	for req := (&pb.ListSourcesRequest{Limit: 1000}); ; {
		resp, err := s.ListSources(ctx, req)
		if err != nil {
			return nil, err
		}
		all = append(all, resp.GetSources()...)
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			return all, nil
		}
	}
}

// printSources shows sources to a person, one a line.
func printSources(out io.Writer, list []*pb.Source, now time.Time) error {
	w := tabwriter.NewWriter(forTerminal{out}, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SOURCE\tDOCUMENTS\tLAST SYNC\tBEHIND\tSTATE\tCONTACT")
	for _, s := range list {
		synced, behind := "never", "-"
		if t := s.GetLastSync(); t != nil {
			synced = t.AsTime().Format(time.RFC3339)
		}
		if s.GetLag() != nil {
			behind = s.GetLag().AsDuration().Round(time.Second).String()
		}
		var state []string
		if s.GetOverdue() {
			state = append(state, "OVERDUE: promised every "+s.GetCadence().AsDuration().String())
		}
		if t := s.GetWithheldTime(); t != nil && !t.AsTime().After(now) {
			state = append(state, fmt.Sprintf("WITHHELD since %s: permissions not confirmed within %s", t.AsTime().Format(time.RFC3339), s.GetAccessBound().AsDuration()))
		}
		if o := s.GetSession(); o != nil {
			state = append(state, fmt.Sprintf("syncing since %s by %s: %d seen, %d not yet", o.GetStartTime().AsTime().Format(time.RFC3339), o.GetStartedBy(), o.GetSeen(), o.GetUnseen()))
		}
		if s.GetError() != "" {
			state = append(state, fmt.Sprintf("ERROR at %s: %s", s.GetErrorTime().AsTime().Format(time.RFC3339), s.GetError()))
		}
		if len(state) == 0 {
			state = []string{"ok"}
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", oneLine(s.GetName()), s.GetDocuments(), synced, behind, oneLine(strings.Join(state, "; ")), oneLine(first(s.GetContact(), "-")))
	}
	return w.Flush()
}

// oneLine keeps a text of somebody else's within its column.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// clockName is a version clock as the command line writes it: "unix-micros".
func clockName(c pb.VersionClock) string {
	name := strings.ToLower(strings.TrimPrefix(c.String(), "VERSION_CLOCK_"))
	return strings.ReplaceAll(name, "_", "-")
}

func clockNames() (list []string) {
	for n := range pb.VersionClock_name {
		list = append(list, clockName(pb.VersionClock(n)))
	}
	slices.Sort(list)
	return list
}

func sourceSetCommand() *cobra.Command {
	var cl client
	var cadence, accessBound, reviewInterval time.Duration
	var contact, clock string
	c := &cobra.Command{
		Use:   "set NAME",
		Short: "Say what is to be expected of a source, and register it if it is new",
		Long: `Say what is to be expected of a source, and register it if it is new. What no flag names stays as it is. It needs
the role ingest for the source, or steward.

` + exitCodes,
		Example: "  muniment source set handbook --cadence 24h --contact docs@example.org",
		Args:    exactArgs(1, "the name of a source"),
		RunE: func(c *cobra.Command, args []string) error {
			given := c.Flags().Changed
			if !given("cadence") && !given("access-bound") && !given("contact") && !given("version-clock") && !given("review-interval") {
				return usagef("set what? pass --cadence, --access-bound, --review-interval, --contact or --version-clock")
			}
			if cadence < 0 || accessBound < 0 || reviewInterval < 0 {
				return usagef("--cadence, --access-bound and --review-interval cannot be negative; 0 takes them away")
			}
			if given("version-clock") && !slices.Contains(clockNames(), clock) {
				return usagef("--version-clock: %q is none of %s", clock, strings.Join(clockNames(), ", "))
			}
			return withSources(c, &cl, func(ctx context.Context, s pb.SourceServiceClient) error {
				list, err := allSources(ctx, s)
				if err != nil {
					return err
				}
				source := namedSource(list, args[0])
				if source == nil {
					source = &pb.Source{Name: args[0]}
				}
				if given("cadence") {
					source.Cadence = durationpb.New(cadence)
				}
				if given("access-bound") {
					source.AccessBound = durationpb.New(accessBound)
				}
				if given("review-interval") {
					source.ReviewInterval = durationpb.New(reviewInterval)
				}
				if given("contact") {
					source.Contact = contact
				}
				if given("version-clock") {
					source.VersionClock = pb.VersionClock(pb.VersionClock_value["VERSION_CLOCK_"+strings.ReplaceAll(strings.ToUpper(clock), "-", "_")])
				}
				resp, err := s.SetSource(ctx, &pb.SetSourceRequest{Source: source})
				if err != nil {
					return err
				}
				return printSources(c.OutOrStdout(), []*pb.Source{resp.GetSource()}, time.Now())
			})
		},
	}
	cl.flags(c)
	c.Flags().DurationVar(&cadence, "cadence", 0, "how often it promises to be synced, such as 24h; 0 = no promise")
	c.Flags().DurationVar(&accessBound, "access-bound", 0, "how old its permissions may become before its documents are withheld; 0 = any age")
	c.Flags().DurationVar(&reviewInterval, "review-interval", 0, "how often its texts should be vouched for anew, such as 4320h, where a document does not say; 0 = no interval")
	c.Flags().StringVar(&contact, "contact", "", "whom to ask about it: an address, a channel, a team")
	c.Flags().StringVar(&clock, "version-clock", "", "how it counts versions: "+strings.Join(clockNames(), ", "))
	return c
}

func sourceAbortCommand() *cobra.Command {
	var cl client
	var why string
	c := &cobra.Command{
		Use:   "abort NAME",
		Short: "End the sync session that is open on a source, and remove nothing",
		Long: `End the sync session that is open on a source, whoever opened it, and remove nothing. It needs the role ingest for
the source.

` + exitCodes,
		Example: `  muniment source abort handbook --error "the crawler fell over"`,
		Args:    exactArgs(1, "the name of a source"),
		RunE: func(c *cobra.Command, args []string) error {
			return withSources(c, &cl, func(ctx context.Context, s pb.SourceServiceClient) error {
				if _, err := s.AbortSync(ctx, &pb.AbortSyncRequest{Source: args[0], Error: why}); err != nil {
					return err
				}
				_, err := fmt.Fprintf(c.OutOrStdout(), "the sync session of %s was ended; nothing was removed\n", args[0])
				return err
			})
		},
	}
	cl.flags(c)
	c.Flags().StringVar(&why, "error", "", "why, for whoever lists the sources")
	return c
}
