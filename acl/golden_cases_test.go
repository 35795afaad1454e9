package acl_test

import (
	"time"

	"github.com/muniment/muniment/acl/reference"
)

// One case or more for each sentence on principals and on who may read.

type caller = reference.Caller

var principalCases = []golden{
	{says: "a user is named by issuer and subject", chain: chain{restrict(allow(ada))}, want: true},
	{says: "the same subject of another issuer is somebody else", chain: chain{restrict(allow("user:local/ada"))}},
	{says: "nothing is folded: case", chain: chain{restrict(allow("user:corp/Ada"))}},
	{says: "nothing is folded: look-alike letters", chain: chain{restrict(allow("user:corp/\u0430da"))}},
	{says: "nothing is folded: composed and decomposed", caller: caller{Principal: "user:corp/ad\u00e8le"}, chain: chain{restrict(allow("user:corp/ade\u0300le"))}},
	{says: "a denied look-alike does not deny", chain: chain{restrict(allow(ada).but("user:corp/ADA"))}, want: true},
	{says: "a prefix of a name names nobody", chain: chain{restrict(allow("user:corp/ad", "user:corp/", "user:corp/adam"))}},
	{says: "everyone is a user the directory does not know", caller: caller{Principal: "user:x/new"}, chain: chain{restrict(allow("everyone"))}, want: true},
	{says: "everyone is not a service", caller: caller{Principal: "service:chat", Service: true}, chain: chain{restrict(allow("everyone"))}},
	{says: "everyone is not a guest", caller: caller{Principal: "user:corp/guest", Guest: true}, chain: chain{restrict(allow("everyone"))}},
	{says: "a guest can be named", caller: caller{Principal: "user:corp/guest", Guest: true}, chain: chain{restrict(allow("user:corp/guest"))}, want: true},
	{says: "a guest can be in a group", caller: caller{Principal: "user:corp/guest", Guest: true}, chain: chain{restrict(allow("group:company"))}, want: true},
	{says: "to deny everyone leaves guests alone", caller: caller{Principal: "user:corp/guest", Guest: true}, chain: chain{restrict(allow("group:team").but("everyone"))}, want: true},
	{says: "a service can be named", caller: caller{Principal: "service:chat", Service: true}, chain: chain{restrict(allow("service:chat"))}, want: true},
	{says: "a service can be in a group", caller: caller{Principal: "service:chat", Service: true}, chain: chain{restrict(allow("group:bots"))}, want: true},
	{says: "the app is not a principal of the person it acts for", chain: chain{restrict(allow("service:desk"))}},
	{says: "a group called everyone is not everyone", chain: chain{restrict(allow("group:everyone"))}},
}

var layerCases = []golden{
	{says: "allow names a principal of the caller: a group", chain: chain{restrict(allow("group:team"))}, want: true},
	{says: "allow names a principal of the caller: a group three levels up", chain: chain{restrict(allow("group:company"))}, want: true},
	{says: "membership does not run downwards", caller: caller{Principal: eve}, chain: chain{restrict(allow("group:team", "group:division"))}},
	{says: "some allow is enough", chain: chain{restrict(allow(eve, "group:nobody", ada))}, want: true},
	{says: "no allow names the caller", chain: chain{restrict(allow(eve, "group:other"))}},
	{says: "a layer without allow admits nobody", chain: chain{restrict(layer{})}},
	{says: "deny does not admit the others", chain: chain{restrict(layer{}.but(eve))}},
	{says: "deny of the user beats allow of the group", chain: chain{restrict(allow("group:team").but(ada))}},
	{says: "deny of the group beats allow of the user", chain: chain{restrict(allow(ada).but("group:company"))}},
	{says: "deny of everyone beats allow of the user", chain: chain{restrict(allow(ada).but("everyone"))}},
	{says: "the same principal allowed and denied", chain: chain{restrict(allow(ada).but(ada))}},
	{says: "deny of somebody else", chain: chain{restrict(allow("everyone").but(eve, "group:other"))}, want: true},
	{says: "every layer admits", chain: chain{restrict(allow(ada), allow("group:company"), allow("everyone"))}, want: true},
	{says: "the last of three layers does not admit", chain: chain{restrict(allow(ada), allow("group:company"), allow(eve))}},
	{says: "a deny in one layer is not outweighed by another layer", chain: chain{restrict(allow("everyone").but(ada), allow(ada))}},
	{says: "an empty layer beside one that admits", chain: chain{restrict(allow(ada), layer{})}},
	{says: "a policy without layers admits nobody", chain: chain{restrict()}},
	{says: "a policy without layers admits nobody, extending", chain: chain{extend()}},
	{says: "a policy without layers admits nobody, replacing", chain: chain{replace()}},
}

var (
	yes = allow(ada)
	no  = allow(eve)
)

var inheritCases = []golden{
	{says: "the mode not said restricts", chain: chain{{Layers: restrict(yes).Layers}, restrict(no)}},
	{says: "restrict: own and parent", chain: chain{restrict(yes), restrict(yes)}, want: true},
	{says: "restrict: own without parent", chain: chain{restrict(yes), restrict(no)}},
	{says: "restrict: parent without own", chain: chain{restrict(no), restrict(yes)}},
	{says: "restrict: a policy without layers below a parent that admits", chain: chain{restrict(), restrict(yes)}},
	{says: "extend: own and parent", chain: chain{extend(yes), restrict(yes)}, want: true},
	{says: "extend: own without parent", chain: chain{extend(yes), restrict(no)}, want: true},
	{says: "extend: parent without own", chain: chain{extend(no), restrict(yes)}, want: true},
	{says: "extend: neither", chain: chain{extend(no), restrict(no)}},
	{says: "extend: a deny of its own blocks the parent", chain: chain{extend(no.but(ada)), restrict(yes)}},
	{says: "extend: a deny in any of its layers blocks the parent", chain: chain{extend(yes, yes.but("group:company"), yes), restrict(yes)}},
	{says: "extend: a layer with only a deny blocks the parent", chain: chain{extend(layer{}.but(ada)), restrict(yes)}},
	{says: "extend: a deny of the parent blocks only the parent", chain: chain{extend(yes), restrict(yes.but(ada))}, want: true},
	{says: "extend: a policy without layers leaves the parent's answer", chain: chain{extend(), restrict(yes)}, want: true},
	{says: "extend: one of two layers is not an own answer", chain: chain{extend(yes, no), restrict(no)}},
	{says: "replace: own alone, parent does not admit", chain: chain{replace(yes), restrict(no.but(ada))}, want: true},
	{says: "replace: own alone, parent admits", chain: chain{replace(no), restrict(yes)}},
	{says: "replace: a policy without layers", chain: chain{replace(), restrict(yes)}},
	{says: "no policy: the parent's answer, yes", chain: chain{nil, restrict(yes)}, want: true},
	{says: "no policy: the parent's answer, no", chain: chain{nil, restrict(no)}},
	{says: "no policy over three levels", chain: chain{nil, nil, nil, restrict(yes)}, want: true},
	{says: "neither policy nor parent: nobody", chain: chain{nil}},
	{says: "no policy anywhere: nobody", chain: chain{nil, nil, nil}},
	{says: "without a parent its own alone: restrict", chain: chain{restrict(yes)}, want: true},
	{says: "without a parent its own alone: extend", chain: chain{extend(yes)}, want: true},
	{says: "without a parent its own alone: replace", chain: chain{replace(yes)}, want: true},
	{says: "without a parent its own alone: extend with a deny", chain: chain{extend(yes.but(ada))}},
	{says: "a parent without an answer of its own admits nobody: restrict", chain: chain{restrict(yes), nil}},
	{says: "a parent without an answer of its own admits nobody: extend", chain: chain{extend(yes), nil}, want: true},
}

var containerCases = []golden{
	{says: "restrict all the way", chain: chain{restrict(yes), restrict(yes), restrict(yes), restrict(yes)}, want: true},
	{says: "restrict all the way, the root does not admit", chain: chain{restrict(yes), restrict(yes), restrict(yes), restrict(no)}},
	{says: "a container that replaces cuts off what is above", chain: chain{restrict(yes), replace(yes), restrict(no.but(ada))}, want: true},
	{says: "a container that extends", chain: chain{nil, extend(yes), restrict(no)}, want: true},
	{says: "a deny of an extending container holds below it", chain: chain{restrict(yes), extend(yes.but(ada)), restrict(yes)}},
	{says: "a document that replaces escapes the container's deny", chain: chain{replace(yes), extend(layer{}.but("everyone")), restrict(yes)}, want: true},
	{says: "the parent's answer is combined, not its parts", chain: chain{extend(no), restrict(no), restrict(yes)}},
	{says: "an unknown container admits nobody: no policy", chain: chain{nil, unknown}},
	{says: "an unknown container admits nobody: restrict", chain: chain{restrict(yes), unknown}},
	{says: "an unknown container admits nobody: extend adds its own", chain: chain{extend(yes), unknown}, want: true},
	{says: "an unknown container admits nobody: extend adds nothing", chain: chain{extend(no), unknown}},
	{says: "an unknown container admits nobody: replace", chain: chain{replace(yes), unknown}, want: true},
	{says: "an unknown container two levels up", chain: chain{restrict(yes), restrict(yes), unknown}},
	{says: "an unknown container above one that replaces", chain: chain{restrict(yes), replace(yes), unknown}, want: true},
}

func from(p string, t time.Time) grant  { return grant{Principal: p, NotBefore: t} }
func until(p string, t time.Time) grant { return grant{Principal: p, NotAfter: t} }

var (
	before = noon.Add(-time.Nanosecond)
	after  = noon.Add(time.Nanosecond)
	abroad = noon.In(time.FixedZone("", 9*3600))
)

var timeCases = []golden{
	{says: "allow begins at not_before", chain: chain{restrict(layer{}.or(from(ada, noon)))}, at: noon, want: true},
	{says: "allow does not hold before not_before", chain: chain{restrict(layer{}.or(from(ada, noon)))}, at: before},
	{says: "allow holds just before not_after", chain: chain{restrict(layer{}.or(until(ada, noon)))}, at: before, want: true},
	{says: "allow has ended at not_after", chain: chain{restrict(layer{}.or(until(ada, noon)))}, at: noon},
	{says: "deny begins at not_before", chain: chain{restrict(yes.butIf(from(ada, noon)))}, at: noon},
	{says: "deny does not hold before not_before", chain: chain{restrict(yes.butIf(from(ada, noon)))}, at: before, want: true},
	{says: "deny holds just before not_after", chain: chain{restrict(yes.butIf(until(ada, noon)))}, at: before},
	{says: "deny has ended at not_after", chain: chain{restrict(yes.butIf(until(ada, noon)))}, at: noon, want: true},
	{says: "a deny that has ended no longer blocks what is inherited", chain: chain{extend(layer{}.butIf(until(ada, noon))), restrict(yes)}, at: noon, want: true},
	{says: "a deny that holds blocks what is inherited", chain: chain{extend(layer{}.butIf(until(ada, noon))), restrict(yes)}, at: before},
	{says: "not_before equal to not_after is never", chain: chain{restrict(layer{}.or(grant{Principal: ada, NotBefore: noon, NotAfter: noon}))}, at: noon},
	{says: "not_before after not_after is never", chain: chain{restrict(layer{}.or(grant{Principal: ada, NotBefore: after, NotAfter: before}))}, at: noon},
	{says: "an interval of one nanosecond", chain: chain{restrict(layer{}.or(grant{Principal: ada, NotBefore: noon, NotAfter: after}))}, at: noon, want: true},
	{says: "bounds are instants, whatever their zone", chain: chain{restrict(layer{}.or(grant{Principal: ada, NotBefore: abroad, NotAfter: abroad.Add(1)}))}, at: noon, want: true},
	{says: "an ended grant beside one that holds", chain: chain{restrict(layer{}.or(until(ada, before), from("group:team", before)))}, at: noon, want: true},
	{says: "one grant ends as the next begins", chain: chain{restrict(layer{}.or(until(ada, noon), from(ada, noon)))}, at: noon, want: true},
}

var sensitivityCases = []golden{
	{says: "the clearance of the label", sensitivity: "confidential", caller: caller{Clearance: "confidential"}, chain: chain{restrict(yes)}, want: true},
	{says: "a higher clearance", sensitivity: "public", caller: caller{Clearance: "confidential"}, chain: chain{restrict(yes)}, want: true},
	{says: "a lower clearance", sensitivity: "restricted", caller: caller{Clearance: "confidential"}, chain: chain{restrict(yes)}},
	{says: "the app's clearance of the label", sensitivity: "confidential", caller: caller{App: "confidential"}, chain: chain{restrict(yes)}, want: true},
	{says: "the app's clearance is lower", sensitivity: "confidential", caller: caller{App: "internal"}, chain: chain{restrict(yes)}},
	{says: "missing is internal: internal", caller: caller{Clearance: "internal", App: "internal"}, chain: chain{restrict(yes)}, want: true},
	{says: "missing is internal: the user is cleared for less", caller: caller{Clearance: "public"}, chain: chain{restrict(yes)}},
	{says: "missing is internal: the app is cleared for less", caller: caller{App: "public"}, chain: chain{restrict(yes)}},
	{says: "an unknown label", sensitivity: "secret", chain: chain{restrict(yes)}},
	{says: "a label in other case is unknown", sensitivity: "Public", chain: chain{restrict(yes)}},
	{says: "an unknown clearance", sensitivity: "public", caller: caller{Clearance: "root"}, chain: chain{restrict(yes)}},
	{says: "clearance alone admits nobody", sensitivity: "public", chain: chain{restrict(no)}},
}
