package rotation_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
)

// hmacName is the tenant's secret.
const hmacName = "prod/formbridge/t_abc123/hmac_key"

// document is one of a writer who knows four members, but for those that are given. A
// nil takes a member away.
func (s *service) document(members map[string]any) string {
	s.Helper()
	all := map[string]any{
		"shared_secret": rand.Text() + rand.Text(),
		"created_at":    "1999-12-31T12:34:56.789012", // Python's isoformat, without a zone
		"tenant_id":     tenant,
		"version":       "1.0",
	}
	for name, value := range members {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		s.Fatal(err)
	}
	return string(text)
}

// store creates a secret as another program does.
func (s *service) store(name, text string, tags ...types.Tag) {
	s.Helper()
	_, err := s.backend.CreateSecret(s.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &text, Tags: tags})
	if err != nil {
		s.Fatal(err)
	}
}

// put writes a version as another program does, and returns its id.
func (s *service) put(name, text string, stages ...string) string {
	s.Helper()
	out, err := s.backend.PutSecretValue(s.Context(), &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: &text, VersionStages: stages})
	if err != nil {
		s.Fatal(err)
	}
	return aws.ToString(out.VersionId)
}

// storedKey is a key as it is stored.
type storedKey struct {
	KID    string `json:"kid"`
	Secret string `json:"shared_secret"`
}

// stored is what of a document the tests look at.
type stored struct {
	storedKey
	Previous []storedKey `json:"previous"`
	Base     string      `json:"base"`
	Revoked  []string    `json:"revoked"`
	State    string      `json:"state"`
}

// read returns a version of a secret, "" for the current one.
func (s *service) read(name, versionID string) (text, id string, err error) {
	s.Helper()
	in := &secretsmanager.GetSecretValueInput{SecretId: &name}
	if versionID != "" {
		in.VersionId = &versionID
	}
	out, err := s.backend.GetSecretValue(s.Context(), in)
	if err != nil {
		return "", "", err
	}
	return aws.ToString(out.SecretString), aws.ToString(out.VersionId), nil
}

// current is the current document of a secret.
func (s *service) current(name string) (d stored, versionID string) {
	s.Helper()
	text, versionID, err := s.read(name, "")
	if err == nil {
		err = json.Unmarshal([]byte(text), &d)
	}
	if err != nil {
		s.Fatal(err)
	}
	return d, versionID
}

// writes counts the calls that change a secret.
func (s *service) writes() (n int) {
	for _, call := range s.backend.Calls() {
		if !slices.Contains([]string{"DescribeSecret", "GetSecretValue", "ListSecrets", "ListSecretVersionIds"}, call.Operation) {
			n++
		}
	}
	return n
}

// operations are the calls since the log was cleared, and how each ended.
func (s *service) operations() (names []string) {
	for _, call := range s.backend.Calls() {
		names = append(names, call.Operation+call.Code)
	}
	return names
}

// versions is how many versions a secret has ever had.
func (s *service) versions(name string) int { return len(s.versionIDs(name)) }

func (s *service) versionIDs(name string) (ids []string) {
	s.Helper()
	in := &secretsmanager.ListSecretVersionIdsInput{SecretId: &name, IncludeDeprecated: aws.Bool(true)}
	for {
		out, err := s.backend.ListSecretVersionIds(s.Context(), in)
		if err != nil {
			s.Fatal(err)
		}
		for _, v := range out.Versions {
			ids = append(ids, *v.VersionId)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return ids
		}
	}
}

// newRotator is another process's.
func (s *service) newRotator(api rotation.API, optFns ...func(*rotation.Options)) *rotation.Rotator {
	s.Helper()
	r, err := rotation.New(s.client, api, optFns...)
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// keyring is what a process that starts now reads.
func (s *service) keyring(path string) tenantsecrets.Keyring {
	s.Helper()
	c, err := tenantsecrets.New(s.backend, naming)
	if err != nil {
		s.Fatal(err)
	}
	defer c.Close()
	if path == destinationPath {
		keys, err := tenantsecrets.Get(s.Context(), c, tenant, tenantsecrets.DestinationHMACKey("webhook1"))
		if err != nil {
			s.Fatal(err)
		}
		return keys
	}
	secret, err := c.TenantSecret(s.Context(), tenant)
	if err != nil {
		s.Fatal(err)
	}
	return secret.Keys()
}

var message = []byte(`{"event":"paid"}`)

// ledger knows a tag by every key that a secret has ever had, and compares them with
// what a reader makes of the secret.
type ledger struct {
	*service
	path string
	tags map[string][]byte // of the message, by kid
}

func (s *service) ledger(path string) *ledger { return &ledger{s, path, map[string][]byte{}} }

func (l *ledger) name() string { return "prod/formbridge/" + tenant + "/" + l.path }

// learn reads every version that there is.
func (l *ledger) learn() {
	l.Helper()
	for _, id := range l.versionIDs(l.name()) {
		var d stored
		text, _, err := l.read(l.name(), id)
		if err != nil || json.Unmarshal([]byte(text), &d) != nil {
			continue // empty, or no document
		}
		if d.KID == "" {
			d.KID = id
		}
		for _, k := range append(d.Previous, d.storedKey) {
			if l.tags[k.KID] == nil {
				mac := hmac.New(sha256.New, []byte(k.Secret))
				mac.Write(message)
				l.tags[k.KID] = mac.Sum(nil)
			}
		}
	}
}

// check wants a process that starts now to sign with one key, "" for none, and to
// accept that and others, but no further one that there ever was.
func (l *ledger) check(signs string, accepts ...string) {
	l.Helper()
	l.learn()
	keys := l.keyring(l.path)
	var kid string
	if tags, err := keys.MACs(message); err == nil {
		if kid, _, err = keys.Match(tags[:1], message); err != nil {
			l.Error(err)
		}
	}
	if kid != signs {
		l.Errorf("%s signs, want %s", kid, signs)
	}
	for kid, tag := range l.tags {
		err := tenantsecrets.VerifyHMAC(keys, message, hex.EncodeToString(tag))
		if want := kid == signs || slices.Contains(accepts, kid); (err == nil) != want {
			l.Errorf("the key %s: %v, accepted should be %v", kid, err, want)
		}
	}
	for _, kid := range accepts {
		if l.tags[kid] == nil {
			l.Errorf("there never was a key %s", kid)
		}
	}
}

// kids are the kids of a result's keys.
func kids(of rotation.Result) (kids []string) {
	for _, k := range of.Keys {
		kids = append(kids, k.KID)
	}
	return kids
}
