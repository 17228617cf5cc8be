package rotation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

const (
	rotationARN = "arn:aws:lambda:us-east-1:123456789012:function:rotate"

	stageCurrent  = "AWSCURRENT"
	stagePrevious = "AWSPREVIOUS"
	stagePending  = "AWSPENDING"
)

var (
	fourSteps = []string{"createSecret", "setSecret", "testSecret", "finishSecret"}

	signedByFirst = []byte(`{"event":"form.submitted"}`)
	errNoStepYet  = errors.New("the test takes the steps")
)

// stepwise is a secret that AWS rotates. Its function takes no step, so that every
// rotation stays where it began: the test takes them.
type stepwise struct {
	*service
	handle func(context.Context, rotation.Event) error
	name   string
	event  rotation.Event // of the rotation under way, but for its step
	first  string         // a signature with the key that was there first
	begun  int
	errs   []error // of all steps taken
}

func newSteps(s *service, path string, farSides ...rotation.FarSide) *stepwise {
	s.Helper()
	d := &stepwise{service: s}
	var err error
	if d.name, err = naming.Build(tenant, path); err != nil {
		s.Fatal(err)
	}
	if d.handle, err = s.rotator.Handler(farSides...); err != nil {
		s.Fatal(err)
	}
	s.backend.RegisterLambda(rotationARN, func(_ context.Context, e secretstest.RotationEvent) error {
		d.event = rotation.Event(e)
		return errNoStepYet
	})
	return d
}

// inSteps runs a test of a tenant's HMAC secret, with a rotation that has just begun.
func inSteps(t *testing.T, test func(d *stepwise)) {
	t.Helper()
	inBubble(t, func(s *service) {
		d := newSteps(s, "hmac_key")
		secret, err := s.client.TenantSecret(s.Context(), tenant)
		if err != nil {
			s.Fatal(err)
		}
		if d.first, err = tenantsecrets.SignHMAC(secret.Keys(), signedByFirst); err != nil {
			s.Fatal(err)
		}
		d.begin()
		test(d)
		d.checkErrors()
	})
}

// begin lets Secrets Manager begin a rotation, under a token of its own.
func (d *stepwise) begin() {
	d.Helper()
	d.begun++
	token := fmt.Sprintf("%08d-2222-4333-8444-555555555555", d.begun)
	if _, err := d.backend.RotateSecret(d.Context(), &secretsmanager.RotateSecretInput{
		SecretId: &d.name, RotationLambdaARN: aws.String(rotationARN), ClientRequestToken: &token,
	}); err != nil {
		d.Fatal(err)
	}
	if d.event.ClientRequestToken != token {
		d.Fatalf("the rotation is that of %s, want %s", d.event.ClientRequestToken, token)
	}
}

// take takes a step of the rotation under way.
func (d *stepwise) take(step string) error {
	e := d.event
	e.Step = step
	err := d.handle(d.Context(), e)
	if err != nil {
		d.errs = append(d.errs, err)
	}
	return err
}

func (d *stepwise) mustTake(steps ...string) {
	d.Helper()
	for _, step := range steps {
		if err := d.take(step); err != nil {
			d.Fatalf("%s: %v", step, err)
		}
	}
}

// wantsError takes a step that must fail so.
func (d *stepwise) wantsError(step string, sentinel error) {
	d.Helper()
	if err := d.take(step); !errors.Is(err, sentinel) {
		d.Errorf("%s: error %v, want %v", step, err, sentinel)
	}
}

// holder is the version with a label; "": none has it.
func (d *stepwise) holder(label string) string {
	d.Helper()
	out, err := d.backend.DescribeSecret(d.Context(), &secretsmanager.DescribeSecretInput{SecretId: &d.name})
	if err != nil {
		d.Fatal(err)
	}
	for id, labels := range out.VersionIdsToStages {
		for _, l := range labels {
			if l == label {
				return id
			}
		}
	}
	return ""
}

// value is what a version holds; "" where it holds nothing.
func (d *stepwise) value(versionID string) string {
	d.Helper()
	out, err := d.backend.GetSecretValue(d.Context(), &secretsmanager.GetSecretValueInput{SecretId: &d.name, VersionId: &versionID})
	var absent *types.ResourceNotFoundException
	switch {
	case errors.As(err, &absent):
		return ""
	case err != nil:
		d.Fatal(err)
	}
	return aws.ToString(out.SecretString)
}

// member is a string member of a version's document; "" where there is none.
func (d *stepwise) member(versionID, name string) string {
	d.Helper()
	var members map[string]any
	_ = json.Unmarshal([]byte(d.value(versionID)), &members)
	text, _ := members[name].(string)
	return text
}

// sign signs with the newest key of a version, whoever may use it.
func (d *stepwise) sign(versionID string) string {
	d.Helper()
	keys, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(d.member(versionID, "shared_secret")))
	if err != nil {
		d.Fatal(err)
	}
	signature, err := tenantsecrets.SignHMAC(keys, signedByFirst)
	if err != nil {
		d.Fatal(err)
	}
	return signature
}

// verify asks a process that has read nothing before.
func (d *stepwise) verify(signature string) error {
	d.Helper()
	c, err := tenantsecrets.New(d.backend, naming)
	if err != nil {
		d.Fatal(err)
	}
	defer c.Close()
	return c.VerifyHMAC(d.Context(), tenant, signedByFirst, signature)
}

// put writes a version by hand, as another program would.
func (d *stepwise) put(text string, labels ...string) string {
	d.Helper()
	out, err := d.backend.PutSecretValue(d.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: &d.name, SecretString: &text, VersionStages: labels,
	})
	if err != nil {
		d.Fatal(err)
	}
	return *out.VersionId
}

// putForeign makes a document current whose writer knows one key and nothing else.
func (d *stepwise) putForeign() string {
	d.Helper()
	return d.put(fmt.Sprintf(`{"shared_secret":%q,"created_at":"2026-01-01T00:00:00Z","tenant_id":%q,"version":"1.0"}`,
		strings.Repeat("foreign-", 4), tenant))
}

// move moves a label by hand; to "" takes it off.
func (d *stepwise) move(label, to string) {
	d.Helper()
	in := &secretsmanager.UpdateSecretVersionStageInput{SecretId: &d.name, VersionStage: &label}
	if from := d.holder(label); from != "" {
		in.RemoveFromVersionId = &from
	}
	if to != "" {
		in.MoveToVersionId = &to
	}
	if _, err := d.backend.UpdateSecretVersionStage(d.Context(), in); err != nil {
		d.Fatal(err)
	}
}

// checkNotPromoted wants the version before to be current, and every key of it good.
func (d *stepwise) checkNotPromoted() {
	d.Helper()
	if d.holder(stageCurrent) == d.event.ClientRequestToken {
		d.Error("the pending version is current")
	}
	d.checkFirst()
}

func (d *stepwise) checkFirst() {
	d.Helper()
	if err := d.verify(d.first); err != nil {
		d.Errorf("a signature with the first key: %v", err)
	}
}

// checkComplete wants the rotation to be complete, and nothing lost by it.
func (d *stepwise) checkComplete() {
	d.Helper()
	token := d.event.ClientRequestToken
	if current, pending := d.holder(stageCurrent), d.holder(stagePending); current != token || pending != "" {
		d.Fatalf("%s is current and %q pending, want %s and none", current, pending, token)
	}
	d.checkFirst()
	if err := d.verify(d.sign(token)); err != nil {
		d.Errorf("a signature with the new key: %v", err)
	}
}

// checkErrors looks for secrets in the texts of all errors.
func (d *stepwise) checkErrors() {
	d.Helper()
	secrets := []string{d.event.RotationToken}
	out, err := d.backend.ListSecretVersionIds(d.Context(), &secretsmanager.ListSecretVersionIdsInput{
		SecretId: &d.name, IncludeDeprecated: aws.Bool(true),
	})
	if err != nil {
		d.Fatal(err)
	}
	for _, v := range out.Versions {
		for _, member := range []string{"shared_secret", "api_key"} {
			if text := d.member(*v.VersionId, member); text != "" {
				secrets = append(secrets, text)
			}
		}
	}
	for _, err := range d.errs {
		var ours *tenantsecrets.Error
		if !errors.As(err, &ours) {
			d.Errorf("%T is no *tenantsecrets.Error", err)
		}
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v %q", err, err, err)} {
			for _, secret := range secrets {
				if secret != "" && strings.Contains(text, secret) {
					d.Errorf("an error holds a secret: %s", strings.ReplaceAll(text, secret, "SECRET"))
				}
			}
		}
	}
}

// fill puts a document under the token of the rotation under way, CURRENT in it being
// the current version.
func (d *stepwise) fill(text string) {
	d.Helper()
	text = strings.ReplaceAll(text, "CURRENT", d.holder(stageCurrent))
	if _, err := d.backend.PutSecretValue(d.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: &d.name, SecretString: &text, ClientRequestToken: &d.event.ClientRequestToken, VersionStages: []string{stagePending},
	}); err != nil {
		d.Fatal(err)
	}
}
