package peer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/muniment/muniment/internal/bench/draw"
)

// Postgres is hybrid search in PostgreSQL, in one statement: the 50 best by full-text search (any of the words,
// ts_rank_cd) and the 50 nearest by pgvector's HNSW with an iterative scan, by reciprocal rank fusion. Each
// passage carries the groups that may read it, as an array with a GIN index. A caller's groups, nested ones
// included, come with the query: as a predicate in both halves, or by row-level security.
//
// What helps it is done: indexes are built after loading, vectors are compared by inner product, every query
// is planned for its own groups, and the match operator is marked LEAKPROOF meanwhile, without which row-level
// security cannot use the index of the words.
type Postgres struct {
	url            string
	plain, secured *pgx.Conn
	Version        string        // of PostgreSQL and of pgvector
	Loading        time.Duration // COPY
	Indexing       time.Duration // the three indexes
	PID            int           // of the process that answers Predicate, on the server's machine
	SecuredPID     int           // and of the one that answers Secured
}

const (
	schema   = "muniment_bench"
	reader   = "muniment_bench_reader"
	setting  = schema + ".groups"
	operator = "pg_catalog.ts_match_vq(tsvector, tsquery)"
)

// NewPostgres loads the passages into a schema of its own, which Close drops.
func NewPostgres(ctx context.Context, url string, d *draw.Data) (p *Postgres, err error) {
	p = &Postgres{url: url}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close(context.WithoutCancel(ctx)))
		}
	}()
	if p.plain, err = pgx.Connect(ctx, url); err != nil {
		return p, err
	}
	if err := p.load(ctx, d); err != nil {
		return p, fmt.Errorf("loading: %w", err)
	}
	start := time.Now()
	for _, statement := range []string{
		"SET maintenance_work_mem = '1GB'",
		"CREATE INDEX ON passages USING hnsw (vector vector_ip_ops) WITH (m = 16, ef_construction = 64)",
		"CREATE INDEX ON passages USING gin (words)",
		"CREATE INDEX ON passages USING gin (groups)",
		"VACUUM ANALYZE passages",
	} {
		if _, err := p.plain.Exec(ctx, statement); err != nil {
			return p, fmt.Errorf("%s: %w", statement, err)
		}
	}
	p.Indexing = time.Since(start)
	return p, p.secure(ctx, url)
}

// load makes the table and copies the passages into it.
func (p *Postgres) load(ctx context.Context, d *draw.Data) error {
	for _, statement := range append([]string{
		"CREATE EXTENSION IF NOT EXISTS vector",
		"DROP SCHEMA IF EXISTS " + schema + " CASCADE",
		"CREATE SCHEMA " + schema,
		"CREATE TABLE " + schema + `.passages (
			id int PRIMARY KEY, document int NOT NULL, groups int[] NOT NULL, vector vector(` + strconv.Itoa(draw.Dimensions) + `) NOT NULL,
			text text NOT NULL, words tsvector GENERATED ALWAYS AS (to_tsvector('english', text)) STORED)`,
	}, settings...) {
		if _, err := p.plain.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	var vector string
	row := p.plain.QueryRow(ctx, "SELECT current_setting('server_version'), extversion, pg_backend_pid() FROM pg_extension WHERE extname = 'vector'")
	if err := row.Scan(&p.Version, &vector, &p.PID); err != nil {
		return err
	}
	if strings.HasPrefix(vector, "0.") && len(vector) > 3 && vector[2] < '8' && vector[3] == '.' {
		return fmt.Errorf("pgvector %s has no iterative scan: 0.8 or later is needed", vector)
	}
	p.Version = "PostgreSQL " + strings.Fields(p.Version)[0] + ", pgvector " + vector
	start := time.Now()
	from, to := io.Pipe()
	go func() { to.CloseWithError(rows(to, d)) }()
	_, err := p.plain.PgConn().CopyFrom(ctx, from, "COPY passages (id, document, groups, vector, text) FROM STDIN")
	from.CloseWithError(err)
	p.Loading = time.Since(start)
	return err
}

// settings are those of every connection.
var settings = []string{
	"SET search_path = " + schema + ", public",
	"SET hnsw.iterative_scan = relaxed_order",
	"SET hnsw.ef_search = 100",
	"SET plan_cache_mode = force_custom_plan",
}

// rows writes the passages in COPY's text format.
func rows(w io.Writer, d *draw.Data) error {
	b := bufio.NewWriterSize(w, 1<<20)
	var line []byte
	for i := range d.Passages {
		line = fmt.Appendf(line[:0], "%d\t%d\t{", i, d.Of[i])
		for n, g := range d.Policies[d.Policy(i)] {
			if n > 0 {
				line = append(line, ',')
			}
			line = strconv.AppendInt(line, int64(g), 10)
		}
		line = append(line, "}\t"...)
		line = appendVector(line, d.Vector(i))
		line = append(append(append(line, '\t'), d.Text(i)...), '\n')
		if _, err := b.Write(line); err != nil {
			return err
		}
	}
	return b.Flush()
}

func appendVector(to []byte, v []float32) []byte {
	for i, x := range v {
		to = append(to, "[,"[min(i, 1)])
		to = strconv.AppendFloat(to, float64(x), 'g', -1, 32)
	}
	return append(to, ']')
}

// secure gives the table a policy of row-level security, and opens a connection of somebody whom it binds.
func (p *Postgres) secure(ctx context.Context, url string) (err error) {
	for _, statement := range []string{
		"DROP ROLE IF EXISTS " + reader,
		"CREATE ROLE " + reader,
		"GRANT USAGE ON SCHEMA " + schema + " TO " + reader,
		"GRANT SELECT ON passages TO " + reader,
		"CREATE POLICY readers ON passages USING (groups && string_to_array(current_setting('" + setting + "'), ',')::int[])",
		"ALTER TABLE passages ENABLE ROW LEVEL SECURITY",
		"ALTER FUNCTION " + operator + " LEAKPROOF",
	} {
		if _, err := p.plain.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	if p.secured, err = pgx.Connect(ctx, url); err != nil {
		return err
	}
	for _, statement := range append([]string{"SET ROLE " + reader}, settings...) {
		if _, err := p.secured.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return p.secured.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&p.SecuredPID)
}

// Close drops what was made, and puts back what was changed.
func (p *Postgres) Close(ctx context.Context) error {
	var errs []error
	if p.secured != nil {
		errs = append(errs, p.secured.Close(ctx))
	}
	if p.plain != nil {
		if p.plain.IsClosed() { // by a call that was broken off
			conn, err := pgx.Connect(ctx, p.url)
			if err != nil {
				return errors.Join(append(errs, fmt.Errorf("the schema %s and the role %s remain: %w", schema, reader, err))...)
			}
			p.plain = conn
		}
		for _, statement := range []string{
			"ALTER FUNCTION " + operator + " NOT LEAKPROOF",
			"DROP SCHEMA IF EXISTS " + schema + " CASCADE",
			"DROP ROLE IF EXISTS " + reader,
		} {
			_, err := p.plain.Exec(ctx, statement)
			errs = append(errs, err)
		}
		errs = append(errs, p.plain.Close(ctx))
	}
	return errors.Join(errs...)
}

// statement is the hybrid query; what stands for %s restricts each half.
const statement = `WITH
by_words AS (
	SELECT id, row_number() OVER (ORDER BY score DESC, id) AS place FROM (
		SELECT id, ts_rank_cd(words, to_tsquery('english', $2)) AS score FROM passages
		WHERE words @@ to_tsquery('english', $2)%[1]s ORDER BY score DESC, id LIMIT 50) AS best),
by_vector AS (
	SELECT id, row_number() OVER (ORDER BY distance, id) AS place FROM (
		SELECT id, vector <#> $1::vector AS distance FROM passages
		WHERE true%[1]s ORDER BY vector <#> $1::vector LIMIT 50) AS nearest)
SELECT id FROM (SELECT * FROM by_words UNION ALL SELECT * FROM by_vector) AS legs
GROUP BY id ORDER BY sum(1.0 / (60 + place)) DESC, id LIMIT $3`

// Predicate asks with the caller's groups in the query.
func (p *Postgres) Predicate(ctx context.Context, q draw.Query, groups []int, limit int) ([]int, error) {
	rows, err := p.plain.Query(ctx, fmt.Sprintf(statement, " AND groups && $4::int[]"), vectorOf(q), wordsOf(q), limit, groups)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int])
}

// Secured tells the database who asks, and asks without a predicate, in one message.
func (p *Postgres) Secured(ctx context.Context, q draw.Query, groups []int, limit int) (found []int, err error) {
	list := strings.Trim(strings.ReplaceAll(fmt.Sprint(groups), " ", ","), "[]")
	b := &pgx.Batch{}
	b.Queue("SELECT set_config('"+setting+"', $1, false)", list)
	b.Queue(fmt.Sprintf(statement, ""), vectorOf(q), wordsOf(q), limit).Query(func(rows pgx.Rows) (err error) {
		found, err = pgx.CollectRows(rows, pgx.RowTo[int])
		return err
	})
	return found, p.secured.SendBatch(ctx, b).Close()
}

func vectorOf(q draw.Query) string { return string(appendVector(nil, q.Vector)) }

func wordsOf(q draw.Query) string { return strings.ReplaceAll(q.Text, " ", " | ") }
