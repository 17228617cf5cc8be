package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func (s *service) listed() []rotation.Version {
	s.Helper()
	versions, err := s.rotator.Versions(s.Context(), tenant)
	if err != nil {
		s.Fatal(err)
	}
	return versions
}

// find returns a version by its id.
func find(versions []rotation.Version, id string) rotation.Version {
	for _, v := range versions {
		if v.ID == id {
			return v
		}
	}
	return rotation.Version{}
}

// What a version says: its id, labels, dates, base and keys, the latest first.
func TestVersions(t *testing.T) {
	inBubble(t, func(s *service) {
		start := time.Now().UTC()
		time.Sleep(time.Minute)
		_, k := s.rotated(2)
		s.wants(rotation.Done)(s.rotator.Revoke(s.Context(), tenant, k[0]))
		time.Sleep(time.Minute)
		versions := s.listed()
		_, current := s.current(hmacName)
		if len(versions) != 4 || versions[0].ID != current || versions[3].ID != k[0] {
			s.Fatalf("versions %+v", versions)
		}
		for i, want := range []rotation.Version{
			{Stages: []string{"AWSCURRENT"}, CreatedAt: start.Add(2*time.Hour + time.Minute), Base: k[2]},
			{Stages: []string{"AWSPREVIOUS"}, CreatedAt: start.Add(time.Hour + time.Minute), Base: k[1]},
			{CreatedAt: start.Add(time.Minute), Base: k[0]},
			{CreatedAt: start},
		} {
			got := versions[i]
			if !slices.Equal(got.Stages, want.Stages) || !got.CreatedAt.Equal(want.CreatedAt) || got.Base != want.Base || got.Err != nil {
				s.Errorf("version %d is %+v, want %+v", i, got, want)
			}
		}
		if got := versions[1].Keys; len(got) != 3 || got[0].KID != k[2] || got[1].KID != k[1] || got[2].KID != k[0] ||
			!got[0].SignAfter.Equal(start.Add(time.Hour+time.Minute+handover)) || !got[2].NotAfter.Equal(start.Add(time.Minute+handover+day)) || !got[1].CreatedAt.Equal(start.Add(time.Minute)) {
			s.Errorf("keys %+v", got)
		}
	})
}

// Revoked is what the version's own document says of a key.
func TestVersionsSayWhatIsRevoked(t *testing.T) {
	inBubble(t, func(s *service) {
		first, _ := s.current(hmacName)
		s.put(hmacName, s.document(map[string]any{"previous": []any{entry(first)}, "revoked": []string{first.KID}}))
		_, id := s.current(hmacName)
		keys := find(s.listed(), id).Keys
		if len(keys) != 2 || keys[0].KID != id || keys[0].Revoked || keys[1].KID != first.KID || !keys[1].Revoked {
			s.Errorf("keys %+v", keys)
		}
	})
}

// What holds nothing, or no document of the tenant's, says so in Err and has no keys.
func TestVersionsThatCannotBeUsed(t *testing.T) {
	inBubble(t, func(s *service) {
		want := map[string]error{
			s.put(hmacName, "{"+s.document(nil)):                                  tenantsecrets.ErrMalformed,
			s.put(hmacName, s.document(map[string]any{"shared_secret": "short"})): tenantsecrets.ErrMalformed,
			s.put(hmacName, s.document(map[string]any{"tenant_id": otherTenant})): tenantsecrets.ErrWrongTenant,
		}
		binary, err := s.backend.PutSecretValue(s.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String(hmacName), SecretBinary: []byte("binary")})
		if err != nil {
			s.Fatal(err)
		}
		want[*binary.VersionId] = tenantsecrets.ErrMalformed
		lambda := "arn:aws:lambda:us-east-1:123456789012:function:rotate"
		s.backend.RegisterLambda(lambda, func(_ context.Context, _ secretstest.RotationEvent) error { return errors.New("it fails") })
		if _, err := s.backend.RotateSecret(s.Context(), rotateInput(hmacName, lambda)); err != nil {
			s.Fatal(err)
		}
		want[token] = tenantsecrets.ErrNotFound // AWSPENDING without a value

		versions := s.listed()
		for id, want := range want {
			v := find(versions, id)
			if !errors.Is(v.Err, want) || v.Keys != nil || v.ID != id || v.CreatedAt.IsZero() {
				s.Errorf("%+v, want %v", v, want)
			}
		}
		if len(versions) != len(want)+1 || !slices.Contains(find(versions, token).Stages, "AWSPENDING") {
			s.Errorf("versions %+v", versions)
		}
	})
}

// Secrets Manager keeps about a hundred, and more while they are young.
func TestVersionsOfManyPages(t *testing.T) {
	inBubble(t, func(s *service) {
		var ids []string
		for range 250 {
			time.Sleep(time.Second)
			ids = append(ids, s.put(hmacName, s.document(nil)))
		}
		s.backend.ClearCalls()
		versions := s.listed()
		if len(versions) != 251 {
			s.Fatalf("%d versions", len(versions))
		}
		slices.Reverse(ids)
		for i, id := range ids {
			if versions[i].ID != id || len(versions[i].Keys) != 1 {
				s.Fatalf("version %d is %+v", i, versions[i])
			}
		}
		calls := map[string]int{}
		for _, op := range s.operations() {
			calls[op]++
		}
		if calls["DescribeSecret"] != 1 || calls["ListSecretVersionIds"] != 3 || calls["GetSecretValue"] != 251 || len(calls) != 3 {
			s.Errorf("called %v", calls)
		}
	})
}

// A list that cannot be read is an error; a value that cannot be is that version's.
func TestVersionsInTrouble(t *testing.T) {
	inBubble(t, func(s *service) {
		s.rotated(2)
		for fault, want := range map[secretstest.Fault]error{
			{Operation: "DescribeSecret", Err: secretstest.AccessDenied()}:          tenantsecrets.ErrAccessDenied,
			{Operation: "ListSecretVersionIds", Err: secretstest.AccessDenied()}:    tenantsecrets.ErrAccessDenied,
			{Operation: "ListSecretVersionIds", Err: secretstest.ConnectionReset()}: tenantsecrets.ErrUnavailable,
			{Operation: "ListSecretVersionIds", Delay: time.Minute}:                 tenantsecrets.ErrUnavailable,
		} {
			end := s.backend.Inject(fault)
			versions, err := s.rotator.Versions(s.Context(), tenant)
			end()
			s.wantsError(err, "Versions", tenant, want)
			if versions != nil {
				s.Errorf("versions %+v", versions)
			}
		}
		defer s.backend.Inject(secretstest.Fault{Operation: "GetSecretValue", After: 1, Times: 1, Err: secretstest.Throttling()})()
		versions := s.listed()
		failed := slices.DeleteFunc(slices.Clone(versions), func(v rotation.Version) bool { return v.Err == nil })
		if len(versions) != 3 || len(failed) != 1 || !errors.Is(failed[0].Err, tenantsecrets.ErrUnavailable) {
			s.Errorf("versions %+v", versions)
		}
	})
}

// A caller who stops waiting gets no half a list.
func TestVersionsAbandoned(t *testing.T) {
	inBubble(t, func(s *service) {
		s.rotated(2)
		s.backend.Inject(secretstest.Fault{Operation: "GetSecretValue", Delay: time.Second})
		ctx, cancel := context.WithTimeout(s.Context(), 2500*time.Millisecond)
		defer cancel()
		versions, err := s.rotator.Versions(ctx, tenant)
		s.wantsError(err, "Versions", tenant, tenantsecrets.ErrUnavailable)
		if versions != nil {
			s.Errorf("versions %+v", versions)
		}
	})
}

// Whatever is printed of versions, no key is in it.
func TestVersionsHoldNoMaterial(t *testing.T) {
	inBubble(t, func(s *service) {
		s.rotated(3)
		printed := fmt.Sprintf("%+v %#v", s.listed(), s.listed())
		for _, id := range s.versionIDs(hmacName) {
			text, _, err := s.read(hmacName, id)
			if err != nil {
				s.Fatal(err)
			}
			for _, secret := range secretsIn(text) {
				if strings.Contains(printed, secret) {
					s.Error("a key is printed")
				}
			}
		}
	})
}
