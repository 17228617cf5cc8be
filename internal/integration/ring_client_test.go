package integration

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
)

// told answers with what a vector says, and nothing else.
type told struct {
	tenantsecrets.API
	*ringVector
}

func (a told) name() *string { return aws.String(hmacName(a.Tenant)) }

func (a told) arn() *string {
	return aws.String("arn:aws:secretsmanager:eu-central-1:123456789012:secret:" + *a.name() + "-abcdef")
}

func (a told) DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	stages := map[string][]string{a.Current.ID: {"AWSCURRENT"}}
	if a.Previous != nil {
		stages[a.Previous.ID] = append(stages[a.Previous.ID], "AWSPREVIOUS")
	}
	return &secretsmanager.DescribeSecretOutput{
		Name: a.name(), ARN: a.arn(), VersionIdsToStages: stages, LastChangedDate: a.LastChanged,
	}, nil
}

func (a told) GetSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	v := a.Current
	if *in.VersionId != v.ID {
		v = *a.Previous
	}
	return &secretsmanager.GetSecretValueOutput{
		Name: a.name(), ARN: a.arn(), VersionId: &v.ID, CreatedDate: &v.Created, SecretString: &v.Document,
	}, nil
}

// TestClientHoldsTheVectors: what other languages are held to is what a process sees
// that uses this library.
func TestClientHoldsTheVectors(t *testing.T) {
	failures := map[string]error{
		"malformed": tenantsecrets.ErrMalformed, "wrong_tenant": tenantsecrets.ErrWrongTenant, "suspended": tenantsecrets.ErrSuspended,
	}
	for _, v := range readVectors(t).Vectors {
		t.Run(v.Name, func(t *testing.T) {
			c, err := tenantsecrets.New(told{ringVector: &v}, naming, func(o *tenantsecrets.Options) {
				o.Now, o.Logger = v.At.UTC, slog.New(slog.DiscardHandler)
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			s, err := c.TenantSecret(t.Context(), v.Tenant)
			if v.Failure != nil && failures[*v.Failure] != nil {
				if !errors.Is(err, failures[*v.Failure]) {
					t.Errorf("error %v, want %s", err, *v.Failure)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			v.checkVerifying(t, s.Keys())
			v.checkSigning(t, s.Keys())
		})
	}
}

func (v *ringVector) checkVerifying(t *testing.T, keys tenantsecrets.Keyring) {
	t.Helper()
	message := []byte(vectorMessage)
	for _, k := range v.Live {
		tag, err := hex.DecodeString(k.HMAC)
		if err != nil {
			t.Fatal(err)
		}
		if kid, _, err := keys.Match([][]byte{tag}, message); err != nil || kid != k.KID {
			t.Errorf("the tag of %s: kid %q, error %v", k.KID, kid, err)
		}
	}
	want := tenantsecrets.ErrMismatch
	if len(v.Live) == 0 {
		want = tenantsecrets.ErrNoKey
	}
	if _, _, err := keys.Match([][]byte{make([]byte, 32)}, message); !errors.Is(err, want) {
		t.Errorf("another tag: %v, want %v", err, want)
	}
}

// checkSigning compares all live keys too: the signing key's tag is the first, and the
// others follow in ring order.
func (v *ringVector) checkSigning(t *testing.T, keys tenantsecrets.Keyring) {
	t.Helper()
	tags, err := keys.MACs([]byte(vectorMessage))
	if v.Signing == nil {
		if !errors.Is(err, tenantsecrets.ErrNoKey) {
			t.Errorf("%d tags, error %v, want that no key signs", len(tags), err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(v.Live)
	signing := slices.IndexFunc(want, func(k liveKey) bool { return k.KID == *v.Signing })
	signer := want[signing]
	want = slices.Insert(slices.Delete(want, signing, signing+1), 0, signer)
	if len(tags) != len(want) {
		t.Fatalf("%d tags, want %d", len(tags), len(want))
	}
	for i, tag := range tags {
		if hex.EncodeToString(tag) != want[i].HMAC {
			t.Errorf("tag %d is not that of %s", i, want[i].KID)
		}
	}
}
