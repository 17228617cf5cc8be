package conformance

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smithy "github.com/aws/smithy-go"
)

// behaviour is one thing the service does.
type behaviour struct {
	name   string
	source source
	test   func(*check)
}

// result is how a behaviour came out.
type result struct {
	failures  []string
	unchecked bool
}

// check runs the behaviour. It does not use testing.T, whose failures could not
// be taken back for a known departure.
func (b behaviour) check(ctx context.Context, target Target) (r result) {
	// No word of the name begins with a letter that a filter is tried with.
	c := &check{API: target.API, ctx: ctx, target: target, name: "conformance/x" + strings.ToLower(rand.Text())}
	c.names = []string{c.name}
	defer func() {
		c.cleanUp()
		switch stopped := recover().(type) {
		case nil, fatal:
			r = result{failures: c.failures}
		case uncheckable:
			r = result{unchecked: true}
		default:
			panic(stopped)
		}
	}()
	b.test(c)
	return r
}

// fatal and uncheckable end a behaviour early.
type (
	fatal       struct{}
	uncheckable struct{}
)

// check is a behaviour being checked: the operations, a secret name of its own,
// and the failures so far.
type check struct {
	API
	ctx      context.Context
	target   Target
	name     string
	names    []string // to be deleted
	failures []string
}

// secret makes up the name of another secret.
func (c *check) secret(suffix string) string {
	name := c.name + "/" + suffix
	c.names = append(c.names, name)
	return name
}

func (c *check) cleanUp() {
	for _, name := range c.names {
		_, _ = c.DeleteSecret(context.WithoutCancel(c.ctx), &secretsmanager.DeleteSecretInput{SecretId: &name, ForceDeleteWithoutRecovery: aws.Bool(true)})
	}
}

// clock is the server's clock.
func (c *check) clock() Clock {
	if c.target.Clock == nil {
		panic(uncheckable{})
	}
	return c.target.Clock
}

// pause lets the server's clock move on.
func (c *check) pause() {
	if c.target.Clock != nil {
		c.target.Clock.Advance(time.Second)
	}
}

// date is the server's time as it answers it.
func (c *check) date() time.Time { return c.clock().Now().Truncate(time.Millisecond) }

// post sends a request as no SDK would.
func (c *check) post(operation, body string) (status int, answer string) {
	if c.target.Post == nil {
		panic(uncheckable{})
	}
	status, answer, err := c.target.Post(operation, body)
	c.must(err)
	return status, answer
}

func (c *check) errorf(format string, args ...any) {
	c.failures = append(c.failures, fmt.Sprintf(format, args...))
}

func (c *check) fatalf(format string, args ...any) {
	c.errorf(format, args...)
	panic(fatal{})
}

func (c *check) must(err error) {
	if err != nil {
		c.fatalf("%v", err)
	}
}

// same compares answers and their parts by what they hold; an absent member
// differs from an empty one.
func (c *check) same(what string, got, want any) {
	if show(got) != show(want) {
		c.errorf("%s\n got: %s\nwant: %s", what, show(got), show(want))
	}
}

// sameJSON compares the body of an answer, whatever its spaces and order.
func (c *check) sameJSON(body string, want map[string]any) {
	var got map[string]any
	c.must(json.Unmarshal([]byte(body), &got))
	c.same("body", got, want)
}

// refused checks code, message and status of an error.
func (c *check) refused(err error, code, message string) {
	var api smithy.APIError
	switch {
	case !errors.As(err, &api):
		c.fatalf("got %v, want %s: %s", err, code, message)
	case api.ErrorCode() != code || api.ErrorMessage() != message:
		c.errorf("\n got: %s: %s\nwant: %s: %s", api.ErrorCode(), api.ErrorMessage(), code, message)
	}
	c.clientError(err)
}

// code checks an error whose message is not known.
func (c *check) code(err error, code string) {
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		c.errorf("got %v, want %s", err, code)
		return
	}
	c.clientError(err)
}

// clientError checks the HTTP status, which is 400 for every error of the
// client, of an absent secret too.
func (c *check) clientError(err error) {
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) && answer.HTTPStatusCode() != http.StatusBadRequest {
		c.errorf("HTTP status %d, want 400", answer.HTTPStatusCode())
	}
}

// Texts of the service that several operations answer.
const (
	textNotFound = "Secrets Manager can't find the specified secret."
	textMarked   = "You can't perform this operation on the secret because it was marked for deletion."
	textBadName  = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
	textBoth     = "You can’t specify both a binary secret value and a string secret value in the same secret."
)

func (c *check) notFound(err error) { c.refused(err, "ResourceNotFoundException", textNotFound) }
func (c *check) marked(err error)   { c.refused(err, "InvalidRequestException", textMarked) }
func (c *check) badName(err error)  { c.refused(err, "ValidationException", textBadName) }

// violation is the service's text for one broken constraint.
func violation(what, member, constraint string) string {
	return fmt.Sprintf("1 validation error detected: %s at '%s' failed to satisfy constraint: Member must %s", what, member, constraint)
}

// token is a token of the SDK's form.
func token() string { return rand.Text() + rand.Text()[:10] }

// long is a text of n bytes that means nothing.
func long(n int) string {
	text := make([]byte, 0, n+26)
	for len(text) < n {
		text = append(text, rand.Text()...)
	}
	return string(text[:n])
}

// show prints an answer with its pointers followed.
func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%+v", v)
	}
	return string(text)
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
