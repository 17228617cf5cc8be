package tenantsecrets_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

var longWord = regexp.MustCompile(`[A-Za-z0-9+/]{12,}`)

// checkNotQuoted wants no long word of a stored text in what is printed.
func checkNotQuoted(t *testing.T, text, printed string) {
	t.Helper()
	for _, word := range longWord.FindAllString(text, -1) {
		if strings.Contains(strings.ToLower(printed), strings.ToLower(word)) {
			t.Error("what was stored is quoted")
			return
		}
	}
}

// sample is a stored text and what reading it comes to.
type sample struct {
	what string
	text func(t *testing.T) string
	want error // nil: it is read
}

// with is a document with these members on top.
func with(name string, value any) func(*testing.T) string {
	return func(t *testing.T) string { return document(t, map[string]any{name: value}) }
}

// rewritten is a document with a part of its text replaced.
func rewritten(old, with string) func(*testing.T) string {
	return func(t *testing.T) string { return strings.Replace(document(t, nil), old, with, 1) }
}

// around is a document with text before and behind.
func around(before, behind string) func(*testing.T) string {
	return func(t *testing.T) string { return before + document(t, nil) + behind }
}

// secretMember is the member of a document that holds the secret, with another
// one's text.
func secretMember(name string) string { return fmt.Sprintf("%q:%q,", name, rand.Text()) }

// padded is a document of a length.
func padded(length int) func(*testing.T) string {
	return func(t *testing.T) string {
		short := len(document(t, map[string]any{"note": ""}))
		return document(t, map[string]any{"note": strings.Repeat("x", length-short)})
	}
}

var samples = []sample{
	{"as the seed writes it", around("", ""), nil},
	{"without a zone", with("created_at", "2026-01-02T03:04:05.123456"), nil},
	{"with members of others", with("note", map[string]any{"by": "ops"}), nil},
	{"white space around", around("\n ", "\t\n"), nil},
	{"a later minor version", with("version", "1.7"), nil},
	{"the number 1 for version", with("version", json.RawMessage("1")), nil},
	{"the number 1.0 for version", with("version", json.RawMessage("1.0")), nil},
	{"65,536 bytes", padded(65536), nil},
	{"a key of 16 bytes", with("shared_secret", rand.Text()[:16]), nil},
	{"a key of 128 bytes", with("shared_secret", strings.Repeat(rand.Text()[:16], 8)), nil},
	{"an active tenant", with("state", "active"), nil},

	{"no JSON", func(*testing.T) string { return rand.Text() }, tenantsecrets.ErrMalformed},
	{"a string", func(*testing.T) string { return `"` + rand.Text() + `"` }, tenantsecrets.ErrMalformed},
	{"a number", func(*testing.T) string { return "123456789012345" }, tenantsecrets.ErrMalformed},
	{"null", func(*testing.T) string { return "null" }, tenantsecrets.ErrMalformed},
	{"an array", around("[", "]"), tenantsecrets.ErrMalformed},
	{"an empty object", func(*testing.T) string { return "{}" }, tenantsecrets.ErrMalformed},
	{"cut short", rewritten("}", ""), tenantsecrets.ErrMalformed},
	{"a trailing comma", rewritten("}", ",}"), tenantsecrets.ErrMalformed},
	{"a comment", around("/* */", ""), tenantsecrets.ErrMalformed},
	{"a byte order mark", around("\ufeff", ""), tenantsecrets.ErrMalformed},
	{"trailing data", around("", "x"), tenantsecrets.ErrMalformed},
	{"two documents", around("{}", ""), tenantsecrets.ErrMalformed},
	{"a lone surrogate", with("note", json.RawMessage(`"\ud800"`)), tenantsecrets.ErrMalformed},
	{"the text in place of a secret", func(*testing.T) string { return "[redacted]" }, tenantsecrets.ErrMalformed},

	{"no shared_secret", with("shared_secret", nil), tenantsecrets.ErrMalformed},
	{"an empty shared_secret", with("shared_secret", ""), tenantsecrets.ErrMalformed},
	{"null for shared_secret", with("shared_secret", json.RawMessage("null")), tenantsecrets.ErrMalformed},
	{"a number for shared_secret", with("shared_secret", 12345678901234567), tenantsecrets.ErrMalformed},
	{"shared_secret in capitals", rewritten("shared_secret", "SHARED_SECRET"), tenantsecrets.ErrMalformed},
	{"shared_secret in capitals too", rewritten("{", "{"+secretMember("SHARED_SECRET")), tenantsecrets.ErrMalformed},
	{"shared_secret twice", rewritten("{", "{"+secretMember("shared_secret")), tenantsecrets.ErrMalformed},
	{"a redacted shared_secret", with("shared_secret", "[redacted]"), tenantsecrets.ErrMalformed},
	{"a key of 15 bytes", with("shared_secret", rand.Text()[:15]), tenantsecrets.ErrMalformed},
	{"a key of 129 bytes", with("shared_secret", strings.Repeat(rand.Text()[:3], 43)), tenantsecrets.ErrMalformed},

	{"no version", with("version", nil), tenantsecrets.ErrMalformed},
	{"another version", with("version", "2.0"), tenantsecrets.ErrMalformed},
	{"another number for version", with("version", 2.0), tenantsecrets.ErrMalformed},
	{"no number for version", with("version", true), tenantsecrets.ErrMalformed},
	{"no tenant_id", with("tenant_id", nil), tenantsecrets.ErrMalformed},
	{"no created_at", with("created_at", nil), tenantsecrets.ErrMalformed},
	{"no time in created_at", with("created_at", rand.Text()), tenantsecrets.ErrMalformed},
	{"an unknown state", with("state", rand.Text()), tenantsecrets.ErrMalformed},
	{"a suspended tenant", with("state", "suspended"), tenantsecrets.ErrSuspended},
}

// What is stored is read or is a definite no, and is never quoted.
func TestDocuments(t *testing.T) {
	for _, tt := range samples {
		t.Run(tt.what, func(t *testing.T) {
			b := secretstest.New()
			text := tt.text(t)
			store(t, b, hmacName, text)
			var logged bytes.Buffer
			s, err := newClient(t, b, logInto(&logged)).TenantSecret(t.Context(), tenant)
			checkNotQuoted(t, text, logged.String())
			if tt.want != nil {
				checkFailed(t, err, "TenantSecret", tt.want)
				checkNotQuoted(t, text, err.Error())
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(text, s.Secret().Reveal()) {
				t.Error("the secret is not the stored one")
			}
		})
	}
}

// Whoever stored the document reads in one error all that is wrong with it, and where the
// format is described.
func TestMalformedSaysAllAndWhereToRead(t *testing.T) {
	for what, tt := range map[string]struct {
		text func(*testing.T) string
		says []string
	}{
		"members": {
			func(t *testing.T) string {
				return document(t, map[string]any{"shared_secret": nil, "created_at": "yesterday", "state": 1})
			},
			[]string{"shared_secret is missing", "created_at is not an RFC 3339 time", "state is not a string"},
		},
		"a byte order mark": {around("\ufeff", ""), []string{"byte order mark (BOM)"}},
	} {
		b := secretstest.New()
		text := tt.text(t)
		store(t, b, hmacName, text)
		_, err := newClient(t, b).TenantSecret(t.Context(), tenant)
		checkFailed(t, err, "TenantSecret", tenantsecrets.ErrMalformed)
		checkNotQuoted(t, text, err.Error())
		for _, says := range append(tt.says, "docs/formats.md") {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %q does not say %q", what, err, says)
			}
		}
	}
}

func TestDocumentsRefused(t *testing.T) {
	for _, tt := range samples {
		if tt.want == nil {
			continue
		}
		tr := trouble{begin: putting(tt.text), want: tt.want, definite: true}
		t.Run(tt.what, func(t *testing.T) { synctest.Test(t, tr.check) })
	}
}

// Answers that Secrets Manager would not give are refused like the others.
func TestValuesRefused(t *testing.T) {
	long := padded(65537)(t)
	for _, tr := range []trouble{
		{what: "an empty string", begin: valued(func(out *secretsmanager.GetSecretValueOutput) { out.SecretString = aws.String("") })},
		{what: "neither string nor bytes", begin: valued(func(out *secretsmanager.GetSecretValueOutput) { out.SecretString = nil })},
		{what: "bytes", begin: valued(func(out *secretsmanager.GetSecretValueOutput) {
			out.SecretString, out.SecretBinary = nil, []byte(*out.SecretString)
		})},
		{what: "65,537 bytes", begin: valued(func(out *secretsmanager.GetSecretValueOutput) { out.SecretString = &long })},
		{what: "raw bytes in a string", begin: valued(func(out *secretsmanager.GetSecretValueOutput) {
			out.SecretString = replaced(out.SecretString, `{"`, "{\"\xff\":0,\"")
		})},
	} {
		tr.want, tr.definite = tenantsecrets.ErrMalformed, true
		t.Run(tr.what, func(t *testing.T) { synctest.Test(t, tr.check) })
	}
}

func TestBinarySecret(t *testing.T) {
	b := secretstest.New()
	text := document(t, nil)
	if _, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(hmacName), SecretBinary: []byte(text)}); err != nil {
		t.Fatal(err)
	}
	_, err := newClient(t, b).TenantSecret(t.Context(), tenant)
	checkFailed(t, err, "TenantSecret", tenantsecrets.ErrMalformed)
	checkNotQuoted(t, text, err.Error())
}

// Secrets that are there without a version to read.
func TestNoCurrentVersion(t *testing.T) {
	t.Run("never written", func(t *testing.T) {
		b := secretstest.New()
		if _, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(hmacName)}); err != nil {
			t.Fatal(err)
		}
		_, err := newClient(t, b).TenantSecret(t.Context(), tenant)
		checkFailed(t, err, "TenantSecret", tenantsecrets.ErrNotFound)
	})
	t.Run("without the label", func(t *testing.T) {
		tr := trouble{
			begin: described(func(out *secretsmanager.DescribeSecretOutput) {
				for id, labels := range out.VersionIdsToStages {
					out.VersionIdsToStages[id] = slices.DeleteFunc(labels, func(l string) bool { return l == "AWSCURRENT" })
				}
			}),
			want: tenantsecrets.ErrNotFound, definite: true,
		}
		synctest.Test(t, tr.check)
	})
}

// Secrets that are no more.
func TestDeletedSecrets(t *testing.T) {
	for _, tr := range []trouble{
		{
			what: "at once", want: tenantsecrets.ErrNotFound,
			begin: func(t *testing.T, b *tampered) func() {
				deleteNow(t, b.Backend)
				return func() { store(t, b.Backend, hmacName, document(t, nil)) }
			},
		},
		{
			what: "scheduled", want: tenantsecrets.ErrPendingDeletion,
			begin: described(func(out *secretsmanager.DescribeSecretOutput) { out.DeletedDate = out.CreatedDate }),
		},
	} {
		tr.definite = true
		t.Run(tr.what, func(t *testing.T) { synctest.Test(t, tr.check) })
	}
	t.Run("really scheduled", func(t *testing.T) {
		b := secretstest.New()
		store(t, b, hmacName, document(t, nil))
		deleteLater(t, b)
		b.ClearCalls()
		_, err := newClient(t, b).TenantSecret(t.Context(), tenant)
		checkFailed(t, err, "TenantSecret", tenantsecrets.ErrPendingDeletion)
		checkOperations(t, b, "DescribeSecret")
	})
}
