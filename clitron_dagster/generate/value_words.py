"""Word lists that ``values.py`` combines into values. Only data."""

from __future__ import annotations


def _w(text: str) -> tuple[str, ...]:
    return tuple(text.split())


THINGS = _w(
    """login signup auth session token cache cart checkout payment invoice billing profile avatar
    settings dashboard sidebar navbar footer header modal dropdown tooltip search filter pagination
    upload download export import report chart graph table grid form validation email notification
    webhook queue worker scheduler cron logger metrics tracing config env secrets database migration
    schema model query index backup restore api endpoint route middleware handler controller service
    client server socket stream parser lexer compiler runtime plugin theme icon font layout image
    video audio player editor markdown preview comment thread reaction mention tag category product
    order shipping address coupon discount tax currency locale i18n timezone calendar event reminder
    user role permission team org account password otp oauth sso captcha rate-limit proxy dns ssl
    docker k8s helm terraform ansible deploy rollback release changelog docs readme license test
    fixture mock coverage lint format build bundle webpack vite typescript eslint prettier husky
    onboarding landing pricing analytics feedback survey quiz leaderboard inventory warehouse
    sensor telemetry firmware bluetooth gps map marker polygon weather ledger wallet escrow kyc
    transcript glossary crawler scraper indexer ranking recommender embedding tokenizer dataset
    pipeline notebook checkpoint optimizer scheduler-v2 gateway broker consumer producer topic shard
    replica snapshot lock mutex semaphore thread-pool buffer allocator heap stack registry
    manifest"""
)
ADJECTIVES = _w(
    """new old broken missing flaky slow faster dark light mobile responsive async lazy legacy
    experimental internal public private custom default empty invalid duplicate nested optional
    stale unused deprecated secure local remote global shared initial final minor major temp"""
)
ACTIONS = _w(
    """add fix update remove refactor improve bump rename move handle support simplify clean
    document
    test revert disable enable rework optimize cache validate parse render migrate extract split
    merge drop replace introduce implement allow prevent hide show load sync log guard"""
)
FIRST = _w(
    """alice bob carol dave erin frank grace heidi ivan judy mallory niaj olivia peggy rupert sybil
    trent victor walter maria jose ana luis chen wei yuki hiro ravi priya amit fatima omar lena
    jonas mikkel sofia emma noah liam mia lucas zoe oscar nina tariq aisha kofi amara jin soo
    dmitri katya pavel hans greta pierre claire marco giulia sam alex kim pat jordan taylor
    morgan"""
)
LAST = _w(
    """smith jones lopez garcia chen wang patel kumar singh khan ali ito sato mueller schmidt weber
    rossi bianchi silva santos novak kowalski ivanov petrov hansen larsen nielsen olsen dubois
    moreau okafor mensah nguyen tran kim park lee cohen levi murphy kelly brown davis miller"""
)
HANDLES = _w(
    """octocat torvalds devguy codemonkey pixelfox nullptr rustacean gopher bytewizard hexcat
    monalisa hubot kernelpanic lambdaman segfault tinybit zerocool quietfern redpanda bluejay"""
)
ORGS = _w(
    """acme globex initech umbrella hooli contoso northwind stark wayne tyrell cyberdyne soylent
    openlabs datawerk nimbus brightbox ironclad papertrail mapleleaf redwood bluefin orchid quantix
    polaris vertex zenith kubernetes facebook microsoft rust-lang python pallets vercel hashicorp"""
)
PROJECTS = _w(
    """website api backend frontend mobile-app infra docs cli sdk core utils dotfiles blog portfolio
    playground starter-kit design-system data-pipeline ml-models web-app admin-panel auth-service
    billing-service search-engine chat-bot game-engine compiler toolkit rocket hello-world
    react-native notes scraper benchmarks home-assistant vscode-plugin terraform-modules"""
)
PACKAGES = _w(
    """lodash react axios express webpack babel jest eslint typescript next vue django flask
    requests
    numpy pandas pytest pydantic fastapi sqlalchemy celery serde tokio clap rails rspec sidekiq
    guava junit spring-boot log4j openssl zlib curl nginx redis postgres"""
)
STEMS = _w(
    """main index app utils helpers config settings server client models views routes urls forms
    schema types constants errors handler middleware auth login user users account payment cart
    test_api test_utils conftest setup build deploy parser lexer token cache queue worker logger
    db database migrations seed api base common core data layout header footer button modal table
    Dashboard UserProfile LoginForm NavBar App Main HomePage useAuth store reducer styles theme
    report notes todo draft intro chapter1 results sample example demo benchmark script run train"""
)
DIRECTORIES = _w(
    """src lib app tests test docs scripts config public assets static templates components pages
    hooks utils services api models controllers views migrations internal pkg cmd core vendor data
    packages examples tools build dist infra deploy styles images fixtures include modules legacy"""
)
EXTENSIONS = _w(
    """py py py js js ts ts tsx jsx go go rs java kt rb php c h cpp cs swift html css scss json yaml
    yml toml md md txt sh sql vue ipynb csv xml lock ini env cfg proto tf"""
)
FIXED_FILES = _w(
    """README.md package.json Dockerfile Makefile .gitignore .env docker-compose.yml
    requirements.txt
    Cargo.toml go.mod pyproject.toml tsconfig.json LICENSE CHANGELOG.md index.html setup.py
    package-lock.json yarn.lock .eslintrc.js Gemfile CONTRIBUTING.md main.go app.py style.css"""
)
HOSTS = _w("github.com gitlab.com bitbucket.org git.example.com code.acme.io github.acme.com")
REMOTES = _w("upstream fork backup heroku staging gitlab mirror prod deploy github company azure")
ENVIRONMENTS = _w("production staging dev qa preview sandbox test uat demo canary prod-eu prod-us")
LABELS = (
    "bug", "enhancement", "documentation", "good first issue", "help wanted", "question", "wontfix",
    "duplicate", "invalid", "needs-triage", "needs review", "blocked", "urgent", "critical", "p0",
    "p1", "P2", "security", "performance", "tech debt", "breaking-change", "dependencies", "ui",
    "backend", "frontend", "regression", "in progress", "ready", "priority: high", "type: bug",
    "area/api", "kind/feature", "size/XL", "stale", "ready for review", "refactor", "ci",
)  # fmt: skip
KEY_SECTIONS = _w("user core color push pull alias merge diff init commit http remote fetch branch")
KEY_NAMES = _w(
    """name email editor ui default rebase autocrlf pager tool sslVerify proxy prune template
    helper ff gpgsign excludesfile defaultBranch autoSetupRemote longpaths fileMode timeout"""
)
NUMBER_WORDS = _w(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
)
LANGUAGES = _w("python node go rust java ruby php dotnet swift kotlin elixir scala")
