# Installs, configures and runs freezer-api in DevStack, which sources this file.

_XTRACE_FREEZER_API=$(set +o | grep xtrace)
set +o xtrace

function install_freezer_api {
    setup_develop $FREEZER_API_DIR
    pip_install_gr PyMySQL
    if [[ $FREEZER_API_SERVER_TYPE == uwsgi ]]; then
        pip_install uwsgi
    fi
}

function configure_freezer_api {
    sudo install -d -o $STACK_USER $FREEZER_API_CONF_DIR
    rm -f $FREEZER_API_CONF
    iniset $FREEZER_API_CONF DEFAULT debug $ENABLE_DEBUG_LOG_LEVEL
    iniset $FREEZER_API_CONF DEFAULT bind_port $FREEZER_API_PORT
    iniset $FREEZER_API_CONF database connection $(database_connection_url freezer)
    iniset $FREEZER_API_CONF storage driver sqlalchemy
    iniset $FREEZER_API_CONF oslo_middleware enable_proxy_headers_parsing True
    configure_keystone_authtoken_middleware $FREEZER_API_CONF freezer
    setup_logging $FREEZER_API_CONF
    if [[ $FREEZER_API_SERVER_TYPE == uwsgi ]]; then
        cp $FREEZER_API_DIR/etc/freezer/uwsgi.conf $FREEZER_API_UWSGI_CONF
        iniset $FREEZER_API_UWSGI_CONF uwsgi http-socket 0.0.0.0:$FREEZER_API_PORT
        iniset $FREEZER_API_UWSGI_CONF uwsgi processes $API_WORKERS
    fi
}

function create_freezer_api_accounts {
    create_service_user freezer service
    get_or_create_service freezer backup "Backup"
    get_or_create_endpoint backup $REGION_NAME $FREEZER_API_URL
}

function init_freezer_api {
    recreate_database freezer
    $(freezer_api_program freezer-manage) --config-file $FREEZER_API_CONF db sync
}

# freezer_api_program NAME: the path of one of the programs, or of uwsgi.
function freezer_api_program {
    echo $(get_python_exec_prefix)/$1
}

function start_freezer_api {
    local command
    if [[ $FREEZER_API_SERVER_TYPE == uwsgi ]]; then
        command="$(freezer_api_program uwsgi) --ini $FREEZER_API_UWSGI_CONF"
        command+=" --pyargv \"--config-file $FREEZER_API_CONF\""
    else
        command="$(freezer_api_program freezer-api) --config-file $FREEZER_API_CONF"
    fi
    run_process freezer-api "$command"
    if ! wait_for_service $SERVICE_TIMEOUT $FREEZER_API_URL/healthcheck; then
        die $LINENO "freezer-api did not start"
    fi
}

function stop_freezer_api {
    stop_process freezer-api
}

function cleanup_freezer_api {
    rm -f $FREEZER_API_CONF $FREEZER_API_UWSGI_CONF
}

if is_service_enabled freezer-api; then
    case "$1 ${2:-}" in
        'stack install')
            echo_summary "Installing freezer-api"
            install_freezer_api
            ;;
        'stack post-config')
            echo_summary "Configuring freezer-api"
            configure_freezer_api
            create_freezer_api_accounts
            ;;
        'stack extra')
            echo_summary "Starting freezer-api"
            init_freezer_api
            start_freezer_api
            ;;
        'unstack '*)
            stop_freezer_api
            ;;
        'clean '*)
            cleanup_freezer_api
            ;;
    esac
fi

$_XTRACE_FREEZER_API
