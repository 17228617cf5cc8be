package rotation_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// window is how many bytes in a row are a leak. It is a multiple of three, so that
// base64 of a window stands in base64 of the whole, whatever stands before.
const window = 9

// leaks tells whether a part of a secret stands in an output, in a form that printers
// and encoders write.
func leaks(output string, secrets ...string) bool {
	const mark = "\x00leak\x00"
	var pairs []string
	for _, secret := range secrets {
		for i := range len(secret) - window + 1 {
			for _, form := range formsOf([]byte(secret[i:][:window])) {
				pairs = append(pairs, form, mark)
			}
		}
	}
	return strings.Contains(strings.NewReplacer(pairs...).Replace(output), mark)
}

func formsOf(part []byte) []string {
	decimal := strings.Trim(fmt.Sprintf("%d", part), "[]")
	return []string{
		string(part), hex.EncodeToString(part), fmt.Sprintf("%X", part), fmt.Sprintf("% x", part),
		base64.StdEncoding.EncodeToString(part), base64.URLEncoding.EncodeToString(part),
		decimal, strings.ReplaceAll(decimal, " ", ","), strings.ReplaceAll(decimal, " ", ", "),
		strings.Trim(strings.TrimPrefix(fmt.Sprintf("%#v", part), "[]byte"), "{}"),
	}
}

var sharedSecret = regexp.MustCompile(`"shared_secret":"([^"]{9,})"`)

// secretsIn are the secrets of a stored text, whether it is a document or not.
func secretsIn(text string) (secrets []string) {
	for _, match := range sharedSecret.FindAllStringSubmatch(text, -1) {
		secrets = append(secrets, match[1])
	}
	return secrets
}

// secrets are all that the tenant's secret has ever held.
func (s *service) secrets() (all []string) {
	s.Helper()
	for _, id := range s.versionIDs(hmacName) {
		if text, _, err := s.read(hmacName, id); err == nil {
			all = append(all, secretsIn(text)...)
		}
	}
	return all
}

// printed is a value as any printer would print it, and what a debugger would find.
func printed(v any) string {
	const verbs = "%v %+v %#v %s %q %x %X %d %T"
	var b bytes.Buffer
	_, _ = fmt.Fprintf(&b, verbs, v, v, v, v, v, v, v, v, v)
	_ = json.NewEncoder(&b).Encode(v)
	logger(&b).Info("it", "value", v)
	slog.New(slog.NewTextHandler(&b, nil)).Info("it", "value", v)
	w := walk{seen: map[uintptr]bool{}, found: &b}
	w.value(reflect.ValueOf(v))
	return b.String()
}

func logger(b *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// walk collects the texts that reflection leads to, exported or not, but for those of
// the backend, which holds the secrets.
type walk struct {
	seen  map[uintptr]bool
	found *bytes.Buffer
}

func (w *walk) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		w.found.WriteString(v.String() + "\x00")
	case reflect.Pointer:
		if !v.IsNil() && v.Type() != reflect.TypeFor[*secretstest.Backend]() && !w.seen[v.Pointer()] {
			w.seen[v.Pointer()] = true
			w.value(v.Elem())
		}
	case reflect.Interface:
		w.value(v.Elem())
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && v.Kind() == reflect.Slice {
			w.found.Write(v.Bytes())
			return
		}
		for i := range v.Len() {
			w.value(v.Index(i))
		}
	case reflect.Map:
		for entry := v.MapRange(); entry.Next(); {
			w.value(entry.Key())
			w.value(entry.Value())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			w.value(v.Field(i))
		}
	}
}

// What holds the secret openly is found, in every form: or the tests that find nothing
// would show nothing.
func TestLeaksAreFound(t *testing.T) {
	secret := rand.Text() + rand.Text()
	type open struct{ inner []any }
	for what, output := range map[string]string{
		"text":                  secret,
		"a part":                "..." + secret[7:7+window],
		"hex":                   fmt.Sprintf("%x", secret),
		"HEX":                   fmt.Sprintf("%X", secret),
		"bytes":                 fmt.Sprintf("%d", []byte(secret)),
		"bytes in Go":           fmt.Sprintf("%#v", []byte(secret)),
		"base64":                base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 of more":        base64.RawURLEncoding.EncodeToString([]byte("x" + secret)),
		"an error":              printed(fmt.Errorf("cannot write %s", secret)),
		"a wrapped error":       printed(&tenantsecrets.Error{Op: "Rotate", Err: errors.New(secret)}),
		"a result":              printed(rotation.Result{Keys: []rotation.Key{{KID: secret}}}),
		"a version":             printed(rotation.Version{Base: secret}),
		"an unexported field":   printed(open{inner: []any{&secret}}),
		"an unexported field's": printed(&open{inner: []any{map[string][]byte{"a": []byte(secret)}}}),
	} {
		if !leaks("before "+output+" behind", secret) {
			t.Errorf("%s is not found", what)
		}
		if leaks("before "+output+" behind", rand.Text()+rand.Text()) {
			t.Errorf("in %s another secret is found", what)
		}
	}
	if got := secretsIn(`{"shared_secret":"` + secret + `","previous":[{"shared_secret":"` + secret + `"}]}`); !slices.Equal(got, []string{secret, secret}) {
		t.Error("the secrets of a document are not found")
	}
}

// badDocuments hold the secret wherever a decoder could stumble over it and quote it.
func (s *service) badDocuments(secret string) []string {
	with := func(name string, value any) string {
		return s.document(map[string]any{"shared_secret": secret, name: value})
	}
	quoted := fmt.Sprintf("%q", secret)
	return []string{
		secret, quoted, "[" + quoted + "]", "{" + secret + "}", "{" + quoted + "}",
		`{"shared_secret":` + secret + `}`, `{"shared_secret":` + quoted, `{` + quoted + `:1,` + quoted + `:2}`,
		with("x", 1) + secret, with("x", 1) + "\xff", with("shared_secret", secret[:15]), with("shared_secret", []string{secret}),
		with("encoding", secret), with("encoding", "hex"), with("created_at", secret), with("tenant_id", secret), with("version", secret),
		with("kid", []string{secret}), with("sign_after", secret), with("base", []string{secret}), with("state", secret),
		with("revoked", secret), with("previous", secret), with("previous", []any{map[string]any{secret: secret}}),
		with("previous", []any{map[string]any{"kid": "old", "shared_secret": secret, "not_after": secret}}),
	}
}

// Documents that cannot be used, as the current version, as AWSPREVIOUS and as one of
// the past, are not quoted in what any call returns or logs.
func TestErrorsAboutDocumentsAreSilent(t *testing.T) {
	inBubble(t, func(s *service) {
		secret, log := rand.Text()+rand.Text(), new(bytes.Buffer)
		r := s.newRotator(s.backend, func(o *rotation.Options) { o.Logger = logger(log) })
		var errs []error
		add := func(err error) {
			if err == nil {
				s.Fatal("a call does not fail")
			}
			errs = append(errs, err)
		}
		for i, text := range s.badDocuments(secret) {
			id := s.put(hmacName, text)
			for op, write := range writers {
				if _, err := write(s.Context(), r, token); err == nil {
					s.Fatalf("%s of document %d does not fail", op, i)
				} else {
					add(err)
				}
			}
			_, err := r.RotateAll(s.Context(), slices.Values([]string{tenant}))
			add(err)

			s.put(hmacName, s.document(map[string]any{"kid": token})) // and the other is AWSPREVIOUS
			logged := log.Len()
			if _, err := r.Rotate(s.Context(), tenant, dry); err != nil || log.Len() == logged {
				s.Fatalf("document %d as AWSPREVIOUS: %v", i, err)
			}
			s.put(hmacName, s.document(map[string]any{"kid": token}))
			_, err = r.Rollback(s.Context(), tenant, id)
			add(err)
			_, err = r.Revoke(s.Context(), tenant, id)
			add(err)
		}
		versions, err := r.Versions(s.Context(), tenant)
		if err != nil {
			s.Fatal(err)
		}
		for _, v := range versions {
			if v.Err != nil {
				errs = append(errs, v.Err)
			}
		}
		s.silent(log.String()+printed(versions), errs, append(s.secrets(), secret))
	})
}

// silent wants no secret in errors, however they are looked at, and in what else was
// printed.
func (s *service) silent(output string, errs []error, secrets []string) {
	s.Helper()
	var b strings.Builder
	b.WriteString(output)
	for _, err := range errs {
		b.WriteString(printed(err) + printed(fmt.Errorf("wrapped: %w", err)))
		var e *tenantsecrets.Error
		if errors.As(err, &e) {
			b.WriteString(printed(*e))
		}
		for cause := err; cause != nil; cause = errors.Unwrap(cause) {
			b.WriteString(printed(cause))
		}
	}
	if len(secrets) == 0 || b.Len() == 0 {
		s.Fatal("nothing is looked for, or in")
	}
	if leaks(b.String(), secrets...) {
		s.Error("a secret is printed")
	}
}

// telling is a Secrets Manager whose errors tell what it was sent or should have
// answered.
type telling struct {
	*secretstest.Backend
	fail func(payload string) error
	sent []string
}

func (a *telling) PutSecretValue(_ context.Context, in *secretsmanager.PutSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error) {
	a.sent = append(a.sent, secretsIn(*in.SecretString)...)
	return nil, a.fail(*in.SecretString)
}

func TestErrorsOfTheAPIAreSilent(t *testing.T) {
	for what, fail := range map[string]func(payload string) error{
		"an error":        errors.New,
		"a wrapped error": func(payload string) error { return fmt.Errorf("sending: %w", errors.New(payload)) },
		"an answer that quotes": func(payload string) error {
			return &smithy.GenericAPIError{Code: "ValidationException", Message: payload}
		},
		"a refusal that quotes": func(payload string) error {
			return &smithy.GenericAPIError{Code: "AccessDeniedException", Message: payload}
		},
		"a taken id, that quotes": func(payload string) error {
			return &smithy.GenericAPIError{Code: "ResourceExistsException", Message: payload}
		},
		"an answer that is broken": func(payload string) error {
			return &smithy.DeserializationError{Err: errors.New(payload), Snapshot: []byte(payload)}
		},
		"a request that is broken": func(payload string) error {
			return &smithy.OperationError{ServiceID: "Secrets Manager", Err: &smithy.SerializationError{Err: errors.New(payload)}}
		},
		"an end of the context": func(payload string) error { return fmt.Errorf("%s: %w", payload, context.DeadlineExceeded) },
	} {
		t.Run(what, func(t *testing.T) {
			inBubble(t, func(s *service) {
				first, _ := s.current(hmacName)
				s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
				api, log := &telling{Backend: s.backend, fail: fail}, new(bytes.Buffer)
				r := s.newRotator(api, func(o *rotation.Options) { o.Logger = logger(log) })
				var errs []error
				for op, write := range writers {
					_, err := write(s.Context(), r, first.KID)
					if err == nil {
						s.Fatalf("%s does not fail", op)
					}
					errs = append(errs, err)
				}
				if len(api.sent) < 2*len(writers)-1 {
					s.Fatalf("%d secrets were sent", len(api.sent))
				}
				s.silent(log.String(), errs, append(s.secrets(), api.sent...))
			})
		})
	}
}

// What the calls return and take, and a rotator whose client holds the secrets, print
// without them.
func TestRotatorsAndResultsAreSilent(t *testing.T) {
	inBubble(t, func(s *service) {
		log := new(bytes.Buffer)
		r := s.newRotator(s.backend, func(o *rotation.Options) { o.Logger = logger(log) })
		var b strings.Builder
		for range 3 {
			result := s.wants(rotation.Done)(r.Rotate(s.Context(), tenant))
			b.WriteString(printed(result) + printed(&result))
		}
		summary, err := r.RotateAll(s.Context(), nil, func(o *rotation.RotateAllOptions) {
			o.Progress = func(tenant string, result rotation.Result, err error) {
				b.WriteString(printed([]any{tenant, result, err}))
			}
		})
		if err != nil {
			s.Fatal(err)
		}
		if _, err := s.client.TenantSecret(s.Context(), tenant); err != nil {
			s.Fatal(err)
		}
		if stats := s.client.Stats(); stats.Held != 1 {
			s.Fatalf("the client holds %d secrets", stats.Held)
		}
		b.WriteString(printed(summary) + printed(r) + printed(*r) + printed(r.Destination("webhook1")) + printed([]*rotation.Rotator{r}))
		result := s.wants(rotation.Done)(r.RevokeAll(s.Context(), tenant))
		b.WriteString(printed(s.listed()) + printed(result) + log.String())
		if !strings.Contains(b.String(), result.VersionID) {
			s.Fatal("the result is not printed")
		}
		s.silent(b.String(), nil, s.secrets())
	})
}

// A binary value is no less a secret.
func TestBinaryValuesAreSilent(t *testing.T) {
	inBubble(t, func(s *service) {
		secret := rand.Text() + rand.Text()
		in := &secretsmanager.PutSecretValueInput{SecretId: aws.String(hmacName), SecretBinary: []byte(secret)}
		if _, err := s.backend.PutSecretValue(s.Context(), in); err != nil {
			s.Fatal(err)
		}
		_, err := s.rotator.Rotate(s.Context(), tenant)
		s.wantsError(err, "Rotate", tenant, tenantsecrets.ErrMalformed)
		s.silent(printed(s.listed()), []error{err}, []string{secret})
	})
}
