package provision_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/provision"
	"github.com/formbridge/tenantsecrets/secretstest"
)

const (
	shopName    = "prod/formbridge/t_abc123/destinations/webhook1/api_key"
	otherTenant = "t_def456"
)

// version is one as Secrets Manager has it.
type version struct{ id, text string }

// current reads AWSCURRENT as another program would.
func (s *service) current(name string) version {
	s.Helper()
	return s.labelled(name, "AWSCURRENT")
}

func (s *service) labelled(name, label string) version {
	s.Helper()
	out, err := s.backend.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: &name, VersionStage: &label})
	if err != nil {
		s.Fatal(err)
	}
	return version{aws.ToString(out.VersionId), aws.ToString(out.SecretString)}
}

// versions counts all there are, those without a label too.
func (s *service) versions(name string) int {
	s.Helper()
	out, err := s.backend.ListSecretVersionIds(context.Background(), &secretsmanager.ListSecretVersionIdsInput{
		SecretId: &name, IncludeDeprecated: aws.Bool(true), MaxResults: aws.Int32(100),
	})
	if err != nil {
		s.Fatal(err)
	}
	return len(out.Versions)
}

// store creates a secret as another program would.
func (s *service) store(name, text string, tags ...string) version {
	s.Helper()
	in := &secretsmanager.CreateSecretInput{Name: &name, SecretString: &text}
	for i := 0; i < len(tags); i += 2 {
		in.Tags = append(in.Tags, types.Tag{Key: &tags[i], Value: &tags[i+1]})
	}
	out, err := s.backend.CreateSecret(context.Background(), in)
	if err != nil {
		s.Fatal(err)
	}
	return version{aws.ToString(out.VersionId), text}
}

// write puts a version of the shop's API key as another program would.
func (s *service) write(text string, labels ...string) version {
	s.Helper()
	out, err := s.backend.PutSecretValue(context.Background(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(shopName), SecretString: &text, VersionStages: labels,
	})
	if err != nil {
		s.Fatal(err)
	}
	return version{aws.ToString(out.VersionId), text}
}

// move puts AWSCURRENT on another version by hand.
func (s *service) move(name string, from, to version) {
	s.Helper()
	_, err := s.backend.UpdateSecretVersionStage(context.Background(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &name, VersionStage: aws.String("AWSCURRENT"), RemoveFromVersionId: &from.id, MoveToVersionId: &to.id,
	})
	if err != nil {
		s.Fatal(err)
	}
}

// wantsCalls compares what was called since the last look, and begins a new one.
func (s *service) wantsCalls(want ...string) {
	s.Helper()
	var got []string
	for _, call := range s.backend.Calls() {
		got = append(got, call.Operation)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		s.Errorf("called %v, want %v", got, want)
	}
	s.backend.ClearCalls()
}

// wantsError wants an *Error of a call about a secret, with nothing of these secrets in it.
func (s *service) wantsError(err error, op string, want error, secrets ...string) {
	s.Helper()
	var e *tenantsecrets.Error
	if !errors.As(err, &e) || e.Op != op || !errors.Is(err, want) {
		s.Fatalf("error %v, want one of %s that is %v", err, op, want)
	}
	wantsSilence(s.T, err, secrets...)
}

// wantsSilence looks for secrets, or a run of 6 of their characters, in whatever can be
// printed of an error's chain.
func wantsSilence(t *testing.T, err error, secrets ...string) {
	t.Helper()
	if part := partIn(printed(err), secrets...); part {
		t.Error("a part of a secret is in the error")
	}
}

func printed(err error) string {
	var all strings.Builder
	var add func(err error)
	add = func(err error) {
		fmt.Fprintf(&all, "%v\n%+v\n%#v\n%q\n", err, err, err, err)
		switch e := err.(type) { //nolint:errorlint // the chain is walked here
		case interface{ Unwrap() error }:
			if cause := e.Unwrap(); cause != nil {
				add(cause)
			}
		case interface{ Unwrap() []error }:
			for _, cause := range e.Unwrap() {
				add(cause)
			}
		}
	}
	add(err)
	return all.String()
}

func partIn(printed string, secrets ...string) bool {
	for _, secret := range secrets {
		for i := range max(len(secret)-5, 0) {
			if strings.Contains(printed, secret[i:i+6]) {
				return true
			}
		}
	}
	return false
}

// The search can fail: it finds what is printed.
func TestPartIn(t *testing.T) {
	secret := rand.Text()
	if !partIn(printed(fmt.Errorf("outer: %w", errors.New("it is "+secret[3:12]))), secret) || partIn("", secret) {
		t.Error("a part of a secret is not found, or where there is none")
	}
}

// anyKind is a kind for tests that are about all of them.
type anyKind interface {
	String() string
	name(owner string) string
	owners() []string
	create(s *service, owner, secret string, optFns ...func(*tenantsecrets.CreateOptions)) (string, error)
	put(s *service, owner, base, secret string) (string, error)
	read(s *service, owner, secret string) (string, error)
	get(s *service, owner, secret string) error
}

type kindOf[T any] struct {
	tenantsecrets.Kind[T]
	global bool
	value  func(secret string) T
}

func (k kindOf[T]) String() string { return strings.ReplaceAll(k.Path, "/", "_") }

func (k kindOf[T]) name(owner string) string { return "prod/formbridge/" + owner + "/" + k.Path }

func (k kindOf[T]) owners() []string {
	if k.global {
		return []string{tenant, tenantsecrets.Global}
	}
	return []string{tenant}
}

func (k kindOf[T]) create(s *service, owner, secret string, optFns ...func(*tenantsecrets.CreateOptions)) (string, error) {
	return provision.Create(s.Context(), s.provisioner, owner, k.Kind, k.value(secret), optFns...)
}

func (k kindOf[T]) put(s *service, owner, base, secret string) (string, error) {
	return provision.Put(s.Context(), s.provisioner, owner, k.Kind, base, k.value(secret))
}

var errAnother = errors.New("it is another value")

func (k kindOf[T]) read(s *service, owner, secret string) (string, error) {
	entry, err := provision.Read(s.Context(), s.provisioner, owner, k.Kind)
	if err == nil && !k.same(entry.Value, secret) {
		err = errAnother
	}
	return entry.VersionID, err
}

func (k kindOf[T]) get(s *service, owner, secret string) error {
	got, err := tenantsecrets.Get(s.Context(), s.client, owner, k.Kind)
	if err == nil && !k.same(got, secret) {
		err = errAnother
	}
	return err
}

// same compares by the text of both: Values do not compare.
func (k kindOf[T]) same(got T, secret string) bool {
	a, err := k.Encode(got)
	b, err2 := k.Encode(k.value(secret))
	return err == nil && err2 == nil && string(a) == string(b)
}

var day = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// kinds are values with every member that a kind has.
var kinds = []anyKind{
	kindOf[tenantsecrets.APIKey]{shop, false, func(secret string) tenantsecrets.APIKey {
		return tenantsecrets.APIKey{
			Key: tenantsecrets.NewValue(secret), Header: "X-Api-Key", Scheme: "Bearer",
			Previous: []tenantsecrets.PreviousAPIKey{{Key: tenantsecrets.NewValue("1" + secret), NotAfter: day}},
		}
	}},
	kindOf[tenantsecrets.OAuth]{tenantsecrets.OAuthToken("webhook1"), false, func(secret string) tenantsecrets.OAuth {
		return tenantsecrets.OAuth{
			GrantType: "refresh_token", TokenURL: "https://login.example.com/token", ClientID: "c1",
			ClientSecret: tenantsecrets.NewValue(secret), Scopes: []string{"read", "write"},
			RefreshToken: tenantsecrets.NewValue("r" + secret), RefreshExpiresAt: day, Generation: 3,
		}
	}},
	kindOf[tenantsecrets.DatabaseCredentials]{tenantsecrets.Database("main"), true, func(secret string) tenantsecrets.DatabaseCredentials {
		return tenantsecrets.DatabaseCredentials{
			Engine: "postgres", Host: "db.example.com", Username: "u1", Password: tenantsecrets.NewValue(secret), DBName: "d1",
			Port: 5432, SSL: aws.Bool(true), MasterARN: "arn:master", InstanceIdentifier: "db1",
		}
	}},
	kindOf[tenantsecrets.Keyset]{tenantsecrets.EncryptionKey(), true, func(secret string) tenantsecrets.Keyset {
		return tenantsecrets.Keyset{Primary: "k2", Keys: []tenantsecrets.DataKey{
			{KID: "k2", Material: tenantsecrets.NewValue(secret), Status: tenantsecrets.KeyEnabled, CreatedAt: day},
			{KID: "k0", Status: tenantsecrets.KeyDestroyed},
		}}
	}},
}

func eachKind(t *testing.T, f func(s *service, k anyKind)) {
	for _, k := range kinds {
		t.Run(k.String(), func(t *testing.T) { f(newService(t), k) })
	}
}

// atDepth is how much a test does: little, or all where the environment asks for it.
func atDepth[T any](small, full T) T {
	if os.Getenv("TENANTSECRETS_DEPTH") == "full" {
		return full
	}
	return small
}

// newSecret is 26 characters that stand for themselves in JSON.
func newSecret() string { return rand.Text() }

// created creates the shop's API key and forgets the calls.
func (s *service) created() (version, tenantsecrets.APIKey) {
	s.Helper()
	key := newAPIKey()
	if _, err := provision.Create(s.Context(), s.provisioner, tenant, shop, key); err != nil {
		s.Fatal(err)
	}
	first := s.current(shopName)
	s.backend.ClearCalls()
	return first, key
}

// putShop puts an API key.
func (s *service) putShop(base version, key tenantsecrets.APIKey) (string, error) {
	return provision.Put(s.Context(), s.provisioner, tenant, shop, base.id, key)
}

// over is the same service with another API beneath it, as another process has it.
func (s *service) over(api interface {
	tenantsecrets.API
	provision.API
},
) *service {
	s.Helper()
	c, err := tenantsecrets.New(api, naming)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(c.Close)
	p, err := provision.New(c, api)
	if err != nil {
		s.Fatal(err)
	}
	return &service{s.T, s.backend, c, p}
}

// hooked is a Secrets Manager with something between it and its caller.
type hooked struct {
	*secretstest.Backend
	around func(ctx context.Context, operation string, call func() error) error
}

func (h *hooked) CreateSecret(ctx context.Context, in *secretsmanager.CreateSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error) {
	return hook(ctx, h, "CreateSecret", in, h.Backend.CreateSecret)
}

func (h *hooked) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	return hook(ctx, h, "DescribeSecret", in, h.Backend.DescribeSecret)
}

func (h *hooked) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return hook(ctx, h, "GetSecretValue", in, h.Backend.GetSecretValue)
}

func (h *hooked) PutSecretValue(ctx context.Context, in *secretsmanager.PutSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error) {
	return hook(ctx, h, "PutSecretValue", in, h.Backend.PutSecretValue)
}

func (h *hooked) ListSecrets(ctx context.Context, in *secretsmanager.ListSecretsInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error) {
	return hook(ctx, h, "ListSecrets", in, h.Backend.ListSecrets)
}

func hook[In, Out any](ctx context.Context, h *hooked, operation string, in *In, call func(context.Context, *In, ...func(*secretsmanager.Options)) (*Out, error)) (out *Out, err error) {
	err = h.around(ctx, operation, func() error {
		out, err = call(ctx, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
