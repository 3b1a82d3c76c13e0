package conf

import (
	"slices"
	"strings"
)

// names are what %(name)s stands for while one value is expanded.
type names struct {
	use            scope
	here           string
	host           string
	program, group string
	num, numprocs  int
	env            map[string]string
	own            Env // of the section's own environment=
}

// lookup answers expand.
func (n *names) lookup(name string) (any, bool) {
	if env, ok := strings.CutPrefix(name, "ENV_"); ok {
		if plain, otherwise, found := strings.Cut(env, ":-"); found { // gosv's own: %(ENV_X:-default)s
			if v, _ := n.lookup("ENV_" + plain); v != nil && v != "" {
				return v, true
			}
			return otherwise, true
		}
		if n.use&useOwn != 0 {
			for _, v := range n.own {
				if v.Name == env {
					return v.Value, true
				}
			}
		}
		v, ok := n.env[env]
		return v, ok
	}
	switch name {
	case "here":
		return n.here, n.use&useHere != 0
	case "host_node_name":
		return n.host, n.use&useHost != 0
	case "program_name":
		return n.program, n.use&useProgram != 0
	case "group_name":
		return n.group, n.use&useGroup != 0
	case "process_num":
		return n.num, n.use&useNum != 0
	case "numprocs":
		return n.numprocs, n.use&useNum != 0
	}
	return nil, false
}

// plain are the names that may be used now, without the ENV_ ones.
func (n *names) plain() []string { return n.use.names() }

func (s scope) names() []string {
	var list []string
	add := func(u scope, name string) {
		if s&u != 0 {
			list = append(list, name)
		}
	}
	add(useGroup, "group_name")
	add(useHere, "here")
	add(useHost, "host_node_name")
	add(useNum, "numprocs")
	add(useNum, "process_num")
	add(useProgram, "program_name")
	return list
}

// available is the list that Supervisor's error prints.
func (n *names) available() []string {
	list := n.plain()
	for k := range n.env {
		list = append(list, "ENV_"+k)
	}
	if n.use&useOwn != 0 {
		for _, v := range n.own {
			if _, ok := n.env[v.Name]; !ok {
				list = append(list, "ENV_"+v.Name)
			}
		}
	}
	slices.Sort(list)
	return list
}

// expandAny expands every string in a value: INI has one, a TOML list or table more. With
// an error comes the string that is at fault. With dollars ${NAME} is expanded too.
func expandAny(v any, dollars bool, lookup func(string) (any, bool)) (any, error) {
	switch v := v.(type) {
	case string:
		to := expand
		if dollars && strings.Contains(v, "${") {
			to = expandDollars
		} else if !strings.Contains(v, "%") {
			return v, nil
		}
		s, err := to(v, lookup)
		if err != nil {
			return v, err
		}
		return s, nil
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			y, err := expandAny(x, dollars, lookup)
			if err != nil {
				return y, err
			}
			list[i] = y
		}
		return list, nil
	case map[string]any:
		table := make(map[string]any, len(v))
		for k, x := range v {
			y, err := expandAny(x, dollars, lookup)
			if err != nil {
				return y, err
			}
			table[k] = y
		}
		return table, nil
	}
	return v, nil
}
