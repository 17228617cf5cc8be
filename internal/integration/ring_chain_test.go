package integration

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// chain is one secret and what is done to it, in a bubble. What a reader would find is
// told as vectors.
type chain struct {
	*testing.T
	backend *secretstest.Backend
	rotator *rotation.Rotator
	handler func(context.Context, rotation.Event) error
	vectors []ringVector
}

const (
	chainTenant = "t_abc123"
	lambda      = "arn:aws:lambda:us-east-1:123456789012:function:rotate"

	handover = time.Hour + 5*time.Minute // at the default MaxStale
	grace    = 24 * time.Hour
)

var chainName = hmacName(chainTenant)

// inChain returns the vectors that a script tells.
func inChain(t *testing.T, script func(c *chain)) (vectors []ringVector) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
		c := newChain(t)
		script(c)
		vectors = c.vectors
	})
	return vectors
}

func newChain(t *testing.T) *chain {
	t.Helper()
	c := &chain{T: t, backend: secretstest.New()}
	client := newClient(t, c.backend)
	if _, err := client.CreateTenant(t.Context(), chainTenant); err != nil {
		t.Fatal(err)
	}
	var err error
	quiet := func(o *rotation.Options) { o.Logger = slog.New(slog.DiscardHandler) }
	if c.rotator, err = rotation.New(client, c.backend, quiet); err != nil {
		t.Fatal(err)
	}
	if c.handler, err = c.rotator.Handler(); err != nil {
		t.Fatal(err)
	}
	c.backend.RegisterLambda(lambda, func(ctx context.Context, e secretstest.RotationEvent) error {
		return c.handler(ctx, rotation.Event(e))
	})
	return c
}

// tell makes a vector of the secret as it is now, for a time after now.
func (c *chain) tell(name string, after time.Duration) {
	c.Helper()
	out := c.describe()
	v := ringVector{
		Name: name, Tenant: chainTenant, At: time.Now().Add(after).UTC(),
		Current: *c.version(labelledIn(out, "AWSCURRENT")), LastChanged: aws.Time(out.LastChangedDate.UTC()),
	}
	if id := labelledIn(out, "AWSPREVIOUS"); id != "" {
		v.Previous = c.version(id)
	}
	c.vectors = append(c.vectors, v.answered(c.T))
}

func (c *chain) describe() *secretsmanager.DescribeSecretOutput {
	c.Helper()
	out, err := c.backend.DescribeSecret(c.Context(), &secretsmanager.DescribeSecretInput{SecretId: &chainName})
	if err != nil {
		c.Fatal(err)
	}
	return out
}

func labelledIn(out *secretsmanager.DescribeSecretOutput, label string) string {
	for id, labels := range out.VersionIdsToStages {
		if slices.Contains(labels, label) {
			return id
		}
	}
	return ""
}

func (c *chain) version(id string) *writtenVersion {
	c.Helper()
	out, err := c.backend.GetSecretValue(c.Context(), &secretsmanager.GetSecretValueInput{SecretId: &chainName, VersionId: &id})
	if err != nil {
		c.Fatal(err)
	}
	return &writtenVersion{id, out.CreatedDate.UTC(), *out.SecretString}
}

// current is the version that is current now.
func (c *chain) current() *writtenVersion {
	c.Helper()
	return c.version(labelledIn(c.describe(), "AWSCURRENT"))
}

// done fails the test unless a call wrote, and returns the version.
func (c *chain) done(result rotation.Result, err error) string {
	c.Helper()
	if err != nil || result.Outcome != rotation.Done {
		c.Fatalf("%v, error %v", result.Outcome, err)
	}
	return result.VersionID
}

func (c *chain) rotate() string {
	c.Helper()
	return c.done(c.rotator.Rotate(c.Context(), chainTenant))
}

func (c *chain) revoke(kids ...string) {
	c.Helper()
	c.done(c.rotator.Revoke(c.Context(), chainTenant, kids...))
}

func (c *chain) rollback(kid string) {
	c.Helper()
	c.done(c.rotator.Rollback(c.Context(), chainTenant, kid))
}

// put writes as another program does.
func (c *chain) put(text string) {
	c.Helper()
	id := document.RandomVersionID()
	if _, err := c.backend.PutSecretValue(c.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: &chainName, ClientRequestToken: &id, SecretString: &text,
	}); err != nil {
		c.Fatal(err)
	}
}

// move moves AWSCURRENT by hand.
func (c *chain) move(to string) {
	c.Helper()
	if _, err := c.backend.UpdateSecretVersionStage(c.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &chainName, VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: &to, RemoveFromVersionId: aws.String(c.current().ID),
	}); err != nil {
		c.Fatal(err)
	}
}

// drive lets AWS rotate, with the library's handler as the function. An error is that a
// rotation before it failed.
func (c *chain) drive() error {
	token := document.RandomVersionID()
	_, err := c.backend.RotateSecret(c.Context(), &secretsmanager.RotateSecretInput{
		SecretId: &chainName, ClientRequestToken: &token, RotationLambdaARN: aws.String(lambda),
	})
	return err
}

// clear takes AWSPENDING off, which a rotation that failed has left.
func (c *chain) clear() {
	c.Helper()
	id := labelledIn(c.describe(), "AWSPENDING")
	if id == "" {
		return
	}
	if _, err := c.backend.UpdateSecretVersionStage(c.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &chainName, VersionStage: aws.String("AWSPENDING"), RemoveFromVersionId: &id,
	}); err != nil {
		c.Fatal(err)
	}
}

// edited is a document in which members were changed by hand.
func (c *chain) edited(text string, members ...document.Member) string {
	c.Helper()
	text, err := document.Edit(text, members...)
	if err != nil {
		c.Fatal(err)
	}
	return text
}

func freshSecret() string { return document.GenerateKey("", time.Time{}).Secret }

// byPython is what the Python of another service writes.
func byPython(tenant string) string {
	created := time.Now().UTC().Format("2006-01-02T15:04:05.000000")
	return fmt.Sprintf(`{"shared_secret": %q, "created_at": %q, "tenant_id": %q, "version": "1.0"}`, freshSecret(), created, tenant)
}

// numbered replaces version ids by numbers, in the order in which the versions were
// made: so that people can tell them apart.
func (c *chain) numbered() {
	out, err := c.backend.ListSecretVersionIds(c.Context(), &secretsmanager.ListSecretVersionIdsInput{
		SecretId: &chainName, IncludeDeprecated: aws.Bool(true), MaxResults: aws.Int32(100),
	})
	if err != nil {
		c.Fatal(err)
	}
	var pairs []string
	for i, entry := range out.Versions {
		pairs = append(pairs, *entry.VersionId, versionNumber(i+1))
	}
	number := strings.NewReplacer(pairs...).Replace
	for i := range c.vectors {
		v := &c.vectors[i]
		v.Current = writtenVersion{number(v.Current.ID), v.Current.Created, number(v.Current.Document)}
		if v.Previous != nil {
			v.Previous = &writtenVersion{number(v.Previous.ID), v.Previous.Created, number(v.Previous.Document)}
		}
		*v = v.answered(c.T)
	}
}

func versionNumber(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
