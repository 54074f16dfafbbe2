"""PostgreSQL's own programs beside dugong: what somebody does by hand, where servers are processes."""


def tool(cluster, node, name, *words):
    """Run on the host by the owner of the data."""
    path = f"{cluster.facts['postgres_bin']}/{name}"
    return ["runuser", "-u", "postgres", "--", path, "-D", f"{cluster.entry(node)['directory']}/data", *words]


def run_tool(cluster, node, name, *words):
    done = cluster.host(node).run(*tool(cluster, node, name, *words), cwd="/")
    assert done.returncode == 0, done.stdout
    return done.stdout


def pg_ctl(cluster, node, *words):
    run_tool(cluster, node, "pg_ctl", "-w", *words)
