package secretstest

import (
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"
)

// vault is the secrets of one account in one Region.
type vault struct {
	region, account string
	timelines       map[string]*timeline // by name; none is empty
	all             []*timeline          // the same in order of their making, and forgotten ones; see add
	forgotten       int                  // of all
	serial          uint64               // the last one given
	deleted         []string             // the last names deleted by force, oldest first
}

// maxSecrets is the quota of an account in a Region.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
const maxSecrets = 500_000

// full tells whether the vault holds as many secrets as it may.
func (v *vault) full(now time.Time) bool {
	if len(v.timelines) < maxSecrets {
		return false // names of deleted secrets included
	}
	held := 0
	for _, t := range v.timelines {
		if t.latest(now) != nil {
			held++
		}
	}
	return held >= maxSecrets
}

// add gives a name its timeline. A list reads what v.all was when it began,
// without a copy and while others write: what is in the slice never moves, new
// timelines come behind it, and forgotten ones stay, empty of secrets, until they
// are half of it and a new slice is made.
func (v *vault) add(name string, t *timeline) {
	v.timelines[name] = t
	if 2*v.forgotten > len(v.all) {
		v.all = slices.Collect(maps.Values(v.timelines))
		v.forgotten = 0
		return
	}
	v.all = append(v.all, t)
}

// drop takes the timeline of a name away.
func (v *vault) drop(name string) {
	*v.timelines[name] = timeline{states: []state{{}}}
	delete(v.timelines, name)
	v.forgotten++
}

// keptDeleted is how many names deleted by force keep their history for stale
// reads. Without a bound a server that serves for long would hold every value it
// ever had.
const keptDeleted = 64

// forget notes a deletion by force, and drops the history, values included, of
// the name whose such deletion is the longest ago, if it was not made again.
func (v *vault) forget(name string, now time.Time) {
	v.deleted = append(v.deleted, name)
	if len(v.deleted) <= keptDeleted {
		return
	}
	oldest := v.deleted[0]
	v.deleted = slices.Delete(v.deleted, 0, 1)
	t := v.timelines[oldest]
	if t != nil && t.latest(now) == nil && !slices.Contains(v.deleted, oldest) {
		v.drop(oldest)
	}
}

// next numbers what is made in the vault, in order.
func (v *vault) next() uint64 {
	v.serial++
	return v.serial
}

// arnPrefix comes before the name in every ARN of the vault.
func (v *vault) arnPrefix() string {
	return "arn:" + partition(v.region) + ":secretsmanager:" + v.region + ":" + v.account + ":secret:"
}

// partition is the first part of the ARNs of a Region.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// newARN makes the ARN of a new secret: its name, a hyphen and six random
// characters, so that a secret created again is told from the one deleted.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
func (v *vault) newARN(name string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	suffix := make([]byte, 6)
	for i := range suffix {
		suffix[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return v.arnPrefix() + name + "-" + string(suffix)
}

// identity is what a SecretId asks for.
type identity struct {
	name string
	arn  string // the whole ARN that must match; empty: the name alone decides
}

func (i identity) matches(s *secret) bool {
	return i.arn == "" || i.arn == s.arn
}

// identify reads a SecretId: a name, an ARN, or an ARN without its suffix. An
// ARN of another vault names nothing here.
func (v *vault) identify(id string) identity {
	resource, isARN := arnResource(id)
	switch {
	case !isARN:
		return identity{name: id}
	case !strings.HasPrefix(id, v.arnPrefix()):
		return identity{}
	}
	name := nameInARN(resource)
	if name == resource {
		return identity{name: name}
	}
	return identity{name: name, arn: id}
}

// secretName is the name a SecretId asks for, in whichever account and Region.
func secretName(id string) string {
	if resource, ok := arnResource(id); ok {
		return nameInARN(resource)
	}
	return id
}

var (
	arnPattern    = regexp.MustCompile(`^arn:[a-z-]+:secretsmanager:([a-z0-9-]*):([0-9]*):secret:(.+)$`)
	suffixPattern = regexp.MustCompile(`-[A-Za-z0-9]{6}$`)
	namePattern   = regexp.MustCompile(`^[A-Za-z0-9/_+=.@!-]+$`)
)

// arnResource returns what follows "secret:" in the ARN of a secret.
func arnResource(id string) (resource string, ok bool) {
	if m := arnPattern.FindStringSubmatch(id); m != nil {
		return m[3], true
	}
	return "", false
}

// arnVault returns whose secret an ARN names, and where.
func arnVault(id string) (owner vaultID, ok bool) {
	if m := arnPattern.FindStringSubmatch(id); m != nil {
		return vaultID{account: m[2], region: m[1]}, true
	}
	return vaultID{}, false
}

// nameInARN takes the suffix off. A partial ARN whose name happens to end in a
// hyphen and six characters loses those: the service reads it as another
// secret's full ARN.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
func nameInARN(resource string) string {
	if at := suffixPattern.FindStringIndex(resource); at != nil && at[0] > 0 {
		return resource[:at[0]]
	}
	return resource
}

// validID tells whether a SecretId is a name or an ARN at all.
func validID(id string) bool {
	if resource, ok := arnResource(id); ok {
		id = resource
	}
	return namePattern.MatchString(id)
}
