# 津标 Jinbiao. `make` lists what can be made.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help up install install-dev assets editor words browser test check bench \
	bench-label-studio bench-golden-difference bench-cleaning bench-models lock wheel clean

help: ## 列出全部目标 · list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-26s %s\n", $$1, $$2}'

up: install assets ## 安装、启动并发布演示数据集 · install, start, publish the demo dataset
	@$(BIN)/jinbiao up --demo

install: .venv/installed ## 安装运行所需 · install what running needs

.venv/installed: requirements.lock requirements-weights.lock setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=…")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements-weights.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

install-dev: .venv/installed-dev ## 安装测试所需 · install what the tests need

.venv/installed-dev: .venv/installed requirements-dev.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

assets: install editor words ## 取得并构建页面资源 · fetch and build what the pages need
	@command -v npm >/dev/null || $(BIN)/python -m pip install --quiet --require-hashes -r requirements-build.lock
	@$(BIN)/python ui/build/assets.py

editor: install
	@$(BIN)/python ui/build/editor.py

words: install
	@$(BIN)/python ui/build/words.py

browser: install-dev
	@sh tests/browser.sh $(BIN)

check: install-dev ## 风格、类型、分层 · style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@# The checkout is the package whatever its folder is called: mypy finds it by this link.
	@mkdir -p .venv/house && ln -sfn ../.. .venv/house/jinbiao
	MYPYPATH=.venv/house $(BIN)/mypy -p jinbiao.server -p jinbiao.workers -p jinbiao.exporters -p jinbiao.datasets
	$(BIN)/lint-imports

test: check assets browser ## 全部检查与测试 · all checks and tests
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

bench: install-dev assets ## 速度测量 · measure speed
	$(BIN)/python tests/bench/speed.py
	$(BIN)/python tests/bench/predictions.py
	$(BIN)/python tests/bench/next_task.py
	$(BIN)/python tests/bench/catalogue_pages.py
	$(BIN)/python tests/bench/catalogue_pages.py --postgresql
	$(BIN)/python tests/bench/downloads.py
	$(BIN)/python tests/bench/exports.py
	$(BIN)/python tests/bench/imports.py
	$(BIN)/python tests/bench/imports.py --postgresql

bench-label-studio: install-dev assets ## 与 Label Studio 并排测速（首次下载约 1 GB）· speed beside Label Studio's (1 GB the first time)
	$(BIN)/python tests/bench/label_studio.py $(ARGUMENTS)

bench-golden-difference: install-dev ## 标准图比对模型的质量 · quality of the golden-difference model
	$(BIN)/python tests/bench/golden_difference.py --images ../shared/samples/images/deeppcb

bench-cleaning: install-dev ## 清洗与查重的速度和准确度，与 datasketch 并列 · cleaning and near duplicates beside datasketch
	$(BIN)/python tests/bench/cleaning.py --datasketch $(ARGUMENTS)

bench-models: install-dev ## 全部预标注模型的质量、速度和节省时间 · all pre-labelling models: quality, speed, time saved
	$(BIN)/python tests/bench/models.py $(ARGUMENTS)

lock: install-dev ## 重新锁定依赖 · lock the dependencies anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--generate-hashes requirements.in -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--generate-hashes requirements-dev.in -o requirements-dev.lock
	uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--generate-hashes requirements-build.in -o requirements-build.lock
	uv pip compile --quiet --no-deps --universal --python-version 3.11 --no-header --no-annotate \
		--generate-hashes requirements-weights.in -o requirements-weights.lock

wheel: install-dev assets ## 构建安装包 · build the wheel, with the built assets in it
	$(BIN)/python -m build --wheel --outdir dist .

clean: ## 删除构建产物（不动数据）· remove what was built, not the data
	rm -rf build dist ui/static/editor ui/static/vendor .mypy_cache .ruff_cache .pytest_cache
	find ui/words -name '*.mo' -delete
